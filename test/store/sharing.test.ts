import { expect, test } from 'vitest'
import { sharing } from '../../src/store/sharing.ts'
import { service, swarmState } from '../helpers/cluster.ts'

const ofTwo = (replicas = 1) => swarmState([service('web', { replicas }), service('api')], ['node1', 'node2'])

test('what says the same is the same object', () => {
  const before = ofTwo()
  expect(sharing(before, ofTwo())).toBe(before)
})

test('what changed is new, what stands beside it is not', () => {
  const before = ofTwo()
  const now = sharing(before, ofTwo(2))
  expect(now).toEqual(ofTwo(2))
  expect(now.services.get('id-web')).not.toBe(before.services.get('id-web'))
  expect(now.services.get('id-api')).toBe(before.services.get('id-api'))
  expect(now.nodes).toBe(before.nodes)
})

test.each([
  ['came', swarmState([service('web')], ['node1']), swarmState([service('web'), service('api')], ['node1'])],
  ['went', swarmState([service('web'), service('api')], ['node1']), swarmState([service('web')], ['node1'])],
  ['is another cluster', swarmState([]), { ...swarmState([]), cluster: 'another' }],
])('what %s is told', (_, before, now) => {
  expect(sharing(before, now)).toEqual(now)
})
