import { describe, expect, test } from 'vitest'
import type { ApiInfo } from '../../src/discover/docker-api.ts'
import { advertisedBy, doubtsAbout, engineIdOf, selfOf } from '../../src/discover/self.ts'
import { named, node, swarm } from './recorded.ts'

const config = { nodeName: 'desk', advertise: undefined, listenPort: 2137, sdLabels: [] }

describe('who the agent is', () => {
  test('a process on a single node', () => {
    expect(selfOf(node.info, undefined, engineIdOf([node.info, node.info], config), config)).toEqual({
      node: '6EFK:3VIA:D2ZG:QMGM:TCGA:HMBU:KP7O:FFYR:MINP:XW33:ELK4:DOTR',
      hostname: 'vm',
      swarm: false,
      manager: false,
      advertise: 'vm:2137',
    })
  })

  test('a task of a service on a manager', () => {
    const own = named(swarm.containers, 'demo_agent')
    expect(selfOf(swarm.info, own, 'engine', config)).toEqual({
      node: 'oh1tzdwddc082h6uv3o59oun7',
      hostname: 'vm',
      swarm: true,
      manager: true,
      address: '10.99.0.1',
      container: own.id,
      service: 'demo_agent',
      advertise: '10.99.0.1:2137',
    })
  })

  const info = (Swarm: ApiInfo['Swarm']): ApiInfo => ({ ID: 'engine', Name: 'vm', ...(Swarm && { Swarm }) })

  test('an engine without Swarm', () => {
    expect(selfOf(info(undefined), undefined, 'engine', config)).toMatchObject({
      node: 'engine',
      swarm: false,
    })
    expect(selfOf({}, undefined, engineIdOf([{}, {}], config), config)).toMatchObject({
      node: 'desk',
      hostname: 'desk',
    })
  })

  test('in a Swarm that is still starting, the engine’s id is never used', () => {
    const own = named(swarm.containers, 'demo_agent')
    const starting = info({ LocalNodeState: 'pending', NodeID: '' })
    expect(selfOf(starting, own, 'engine', config).node).toBe('oh1tzdwddc082h6uv3o59oun7')
    expect(() => selfOf(starting, undefined, 'engine', config)).toThrow(
      'Docker does not give its node’s id (Swarm: pending)',
    )
  })
})

test.each([
  ['dev.example.org:2137', '10.0.0.1', 'dev.example.org:2137'],
  [undefined, '10.0.0.1', '10.0.0.1:2137'],
  [undefined, 'fd00::1', '[fd00::1]:2137'],
  [undefined, undefined, 'node1:2137'],
])('ADVERTISE=%s on a node with the address %s', (advertise, address, expected) => {
  const node = { hostname: 'node1', ...(address === undefined ? {} : { address }) }
  expect(advertisedBy({ advertise, listenPort: 2137 }, node)).toBe(expected)
})

test.each([
  '127.0.0.1:1',
  '[::1]:1',
  'localhost:1',
  '0.0.0.0:1',
  '169.254.1.1:1',
  '[fe80::1]:1',
  '172.17.0.2:1',
  '0123456789ab:1',
])('%s is doubted', (address) => expect(doubtsAbout(address)).toBeDefined())

test.each(['10.0.0.1:2137', '[2001:db8::1]:2137', 'dev.example.org:443', '192.168.1.5:2137', 'node1:2137'])(
  '%s is not doubted',
  (address) => expect(doubtsAbout(address)).toBeUndefined(),
)
