import { describe, expect, test } from 'vitest'
import type { ApiInfo } from '../../src/discover/api.ts'
import type { Container } from '../../src/discover/container.ts'
import { type Traces, tracesOf } from '../../src/discover/own-container.ts'
import { engineOf, identityOf, ownAmong } from '../../src/discover/self.ts'
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
    expect(tracesOf(mountinfo, cgroup).ids).toEqual(ids)
  })

  test('only a cgroup tells for sure', () => {
    expect(tracesOf(...read('agent')).mayBeLent).toBe(false)
    expect(tracesOf(read('agent')[0], namespaced).mayBeLent).toBe(true)
  })

  test('knows what is mounted in it, by whatever name it was asked for', () => {
    const mountinfo = '9 1 0:1 /docker.sock /run/docker.sock rw\n9 1 0:1 /x /a\\040b rw'
    const { isMounted } = tracesOf(mountinfo, '', (path) => path.replace('/var/run', '/run'))
    expect(['/var/run/docker.sock', '/a b', '/run', '/a'].map(isMounted)).toEqual([true, true, false, false])
  })

  const traces = (...ids: string[]): Traces => ({ ids, mayBeLent: false, isMounted: () => false })
  const containers = new Map(
    [named(node.containers, 'agent'), named(node.containers, 'plain')].map((one) => [one.id, one]),
  )

  test('is the first of the candidates that the API lists', () => {
    expect(ownAmong(containers, traces('0'.repeat(64), agentId, plainId))?.name).toBe('agent')
    expect(ownAmong(containers, traces())).toBeUndefined()
  })

  test('that isn’t listed means another node’s API', () => {
    expect(() => ownAmong(containers, traces('0'.repeat(64)))).toThrow(/it is another node’s/)
  })

  const socket = '/var/run/docker.sock'
  const lender = (mounts: readonly string[]) => ({ ...named(node.containers, 'plain'), mounts })
  const guest = (mounts: readonly string[], more: Partial<Container> = {}) => ({
    ...named(node.containers, 'shared'),
    mode: `container:${plainId}`,
    mounts,
    ...more,
  })
  const ownOf = (all: readonly Container[], mounted: readonly string[], more: Partial<Traces> = {}) =>
    ownAmong(new Map(all.map((one) => [one.id, one])), {
      ...traces(plainId),
      mayBeLent: true,
      isMounted: (path) => mounted.includes(path),
      ...more,
    })?.name

  test.each<[string, Container[], string[], string]>([
    ['nobody shares its network', [lender([]), guest([], { mode: 'web' })], [], 'plain'],
    ['its guest sees the socket', [lender([]), guest([socket])], [socket], 'shared'],
    ['it sees the socket, its guest doesn’t', [lender([socket]), guest([])], [socket], 'plain'],
    ['what it mounts isn’t here', [lender([socket]), guest([])], [], 'shared'],
    ['what its guest mounts isn’t here', [lender([]), guest(['/data'])], [], 'plain'],
    [
      'its guest was given its name',
      [lender([]), guest([socket], { mode: 'container:plain' })],
      [socket],
      'shared',
    ],
    ['both mount the same', [lender([socket]), guest([socket])], [socket], 'plain'],
    ['its guest doesn’t run', [lender([]), guest([socket], { state: 'stopped' })], [socket], 'plain'],
    ['nothing fits', [lender(['/a']), guest(['/b'])], [], 'plain'],
  ])('named by files that may be lent: %s', (_, all, mounted, own) => {
    expect(ownOf(all, mounted)).toBe(own)
  })

  test('named by its cgroup is not looked for among its guests', () => {
    expect(ownOf([lender([]), guest([socket])], [socket], { mayBeLent: false })).toBe('plain')
  })
})

describe('who the agent is', () => {
  test('a process on a single node', () => {
    expect(identityOf(node.info, undefined, engineOf(node.info, 'fallback'), 'fallback')).toEqual({
      node: '6EFK:3VIA:D2ZG:QMGM:TCGA:HMBU:KP7O:FFYR:MINP:XW33:ELK4:DOTR',
      hostname: 'vm',
      swarm: false,
      manager: false,
    })
  })

  test('a task of a service on a manager', () => {
    const own = named(swarm.containers, 'demo_agent')
    expect(identityOf(swarm.info, own, 'engine', 'fallback')).toEqual({
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
    expect(identityOf(info(undefined), undefined, 'engine', 'x')).toMatchObject({
      node: 'engine',
      swarm: false,
    })
    expect(identityOf({}, undefined, engineOf({}, 'x'), 'x')).toMatchObject({ node: 'x', hostname: 'x' })
  })

  test('a Swarm that is still starting is never called by the engine’s id', () => {
    const own = named(swarm.containers, 'demo_agent')
    const starting = info({ LocalNodeState: 'pending', NodeID: '' })
    expect(identityOf(starting, own, 'engine', 'x').node).toBe('oh1tzdwddc082h6uv3o59oun7')
    expect(() => identityOf(starting, undefined, 'engine', 'x')).toThrow(
      'Docker does not tell its node’s id (Swarm: pending)',
    )
  })
})
