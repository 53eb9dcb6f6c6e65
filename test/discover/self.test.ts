import { describe, expect, test } from 'vitest'
import type { ApiInfo } from '../../src/discover/api.ts'
import { containerIdsOf } from '../../src/discover/own-container.ts'
import { identityOf, ownAmong } from '../../src/discover/self.ts'
import { named, node, swarm, textOf } from './recorded.ts'

const agentId = 'b55c7e5067f22c0d33f1e1ac6500ef979e8129abc6d28d464eb24ceae3229a0c'
const sharedId = named(node.containers, 'shared').id
const plainId = named(node.containers, 'plain').id
const read = (name: string) => [textOf(`node/${name}.mountinfo`), textOf(`node/${name}.cgroup`)] as const
const namespaced = '0::/\n'

describe('the own container', () => {
  test.each<[string, string, string, string[]]>([
    ['by cgroup and mounts', ...read('agent'), [agentId]],
    ['by its mounts, in a cgroup namespace', read('agent')[0], namespaced, [agentId]],
    ['by its cgroup, where its files are mounted from elsewhere', '', read('agent')[1], [agentId]],
    ['sharing a network, its files are the other’s', ...read('shared'), [sharedId, plainId]],
    ['systemd’s cgroups', '', `0::/system.slice/docker-${agentId}.scope`, [agentId]],
    ['Docker inside Docker', '', `1:cpu:/docker/${plainId}/docker/${agentId}`, [agentId]],
    [
      'Podman',
      `1 2 0:1 /x/overlay-containers/${agentId}/userdata/hosts /etc/hosts rw`,
      namespaced,
      [agentId],
    ],
    ['a process of the host', '27 1 254:0 / / rw - ext4 /dev/vda rw', namespaced, []],
    ['the host’s own file mounted', '28 27 254:0 /etc/hostname /etc/hostname ro - ext4 /dev/vda rw', '', []],
    ['a volume with an id like a container’s', `1 2 0:1 /volumes/${plainId}/_data /data rw`, '', []],
  ])('%s', (_, mountinfo, cgroup, ids) => {
    expect(containerIdsOf(mountinfo, cgroup)).toEqual(ids)
  })

  const containers = new Map(
    [named(node.containers, 'agent'), named(node.containers, 'plain')].map((one) => [one.id, one]),
  )

  test('is the first of the candidates that the API lists', () => {
    expect(ownAmong(containers, ['0'.repeat(64), agentId, plainId])?.name).toBe('agent')
    expect(ownAmong(containers, [])).toBeUndefined()
  })

  test('that isn’t listed means another node’s API', () => {
    expect(() => ownAmong(containers, ['0'.repeat(64)])).toThrow(/it is another node’s/)
  })
})

describe('who the agent is', () => {
  test('a process on a single node', () => {
    expect(identityOf(node.info, undefined, 'fallback')).toEqual({
      node: '6EFK:3VIA:D2ZG:QMGM:TCGA:HMBU:KP7O:FFYR:MINP:XW33:ELK4:DOTR',
      hostname: 'vm',
      swarm: false,
      manager: false,
    })
  })

  test('a task of a service on a manager', () => {
    const own = named(swarm.containers, 'demo_agent')
    expect(identityOf(swarm.info, own, 'fallback')).toEqual({
      node: 'oh1tzdwddc082h6uv3o59oun7',
      hostname: 'vm',
      swarm: true,
      manager: true,
      address: '10.99.0.1',
      container: own.id,
      service: 'demo_agent',
    })
  })

  const info = (Swarm: ApiInfo['Swarm']): ApiInfo => ({ ID: 'engine', Name: 'vm', ...(Swarm && { Swarm }) })

  test('an engine that knows no Swarm at all', () => {
    expect(identityOf(info(undefined), undefined, 'x')).toMatchObject({ node: 'engine', swarm: false })
    expect(identityOf({}, undefined, 'x')).toMatchObject({ node: 'x', hostname: 'x' })
  })

  test('a Swarm that is still starting is never called by the engine’s id', () => {
    const own = named(swarm.containers, 'demo_agent')
    const starting = info({ LocalNodeState: 'pending', NodeID: '' })
    expect(identityOf(starting, own, 'x').node).toBe('oh1tzdwddc082h6uv3o59oun7')
    expect(() => identityOf(starting, undefined, 'x')).toThrow(
      'Docker does not tell its node’s id (Swarm: pending)',
    )
  })
})
