import { expect, test } from 'vitest'
import { placeOf } from '../../src/discover/targets.ts'
import { named, swarm } from './recorded.ts'

const placeOfNamed = (name: string) => placeOf(named(swarm.containers, name).labels)

test('a task of a replicated service', () => {
  expect(placeOfNamed('demo_web.2')).toEqual({
    kind: 'replicated',
    service: 'demo_web',
    serviceId: 'agpzlupi69r3dhqzckwgvjv6k',
    stack: 'demo',
    slot: '2',
    task: 'xsp7doln64gnpgdxyyt0oy6su',
  })
})

test('a task of a global service', () => {
  expect(placeOfNamed('demo_agent')).toEqual({
    kind: 'global',
    service: 'demo_agent',
    serviceId: 'ze2hs8urzv6ciwzikiburlfl9',
    stack: 'demo',
    task: 'qld78c3dnw671mgh47noatsi7',
  })
})

test('a container that is attached to a Swarm’s network is no task', () => {
  expect(placeOfNamed('attached')).toEqual({ kind: 'standalone' })
})

const task = {
  'com.docker.swarm.service.name': 'web',
  'com.docker.swarm.service.id': 's1',
  'com.docker.swarm.task.id': 't1',
  'com.docker.swarm.node.id': 'n1',
}
const compose = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }

test.each([
  [
    'a service without a stack',
    { ...task, 'com.docker.swarm.task.name': 'web.12.t1' },
    { kind: 'replicated', service: 'web', serviceId: 's1', slot: '12', task: 't1' },
  ],
  [
    'a task’s name that isn’t one',
    { ...task, 'com.docker.swarm.task.name': 'other.1.t1' },
    { kind: 'standalone' },
  ],
  [
    'Compose, either version',
    { ...compose, 'com.docker.compose.container-number': '3' },
    { kind: 'compose', project: 'shop', service: 'web', number: '3' },
  ],
  ['Compose without a number', compose, { kind: 'compose', project: 'shop', service: 'web', number: '1' }],
  ['compose run', { ...compose, 'com.docker.compose.oneoff': 'True' }, { kind: 'standalone' }],
  ['no labels', {}, { kind: 'standalone' }],
])('%s', (_, labels, place) => {
  expect(placeOf(labels as Record<string, string>)).toEqual(place)
})
