import { describe, expect, test } from 'vitest'
import type { Container } from '../../src/discover/container.ts'
import { findOwnContainer, type ProcInfo, parseProc } from '../../src/discover/own-container.ts'
import { named, node, textOf } from './recorded.ts'

const agentId = 'b55c7e5067f22c0d33f1e1ac6500ef979e8129abc6d28d464eb24ceae3229a0c'
const sharedId = named(node.containers, 'shared').id
const plainId = named(node.containers, 'plain').id
const read = (name: string) => [textOf(`node/${name}.mountinfo`), textOf(`node/${name}.cgroup`)] as const
const namespaced = '0::/\n'

describe('the agent’s own container', () => {
  test.each<[string, string, string, string[]]>([
    ['by cgroup and mounts', ...read('agent'), [agentId]],
    ['by its mounts, in a cgroup namespace', read('agent')[0], namespaced, [agentId]],
    ['by its cgroup, where its files are mounted from elsewhere', '', read('agent')[1], [agentId]],
    ['sharing a network, the mounted files are the other’s', ...read('shared'), [sharedId, plainId]],
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
    expect(parseProc(mountinfo, cgroup).ids).toEqual(ids)
  })

  test('is certain only by a cgroup', () => {
    expect(parseProc(...read('agent')).isFromMountsOnly).toBe(false)
    expect(parseProc(read('agent')[0], namespaced).isFromMountsOnly).toBe(true)
  })

  test('resolves symbolic links in the path of a mount', () => {
    const mountinfo = '9 1 0:1 /docker.sock /run/docker.sock rw\n9 1 0:1 /x /a\\040b rw'
    const { isMounted } = parseProc(mountinfo, '', (path) => path.replace('/var/run', '/run'))
    expect(['/var/run/docker.sock', '/a b', '/run', '/a'].map(isMounted)).toEqual([true, true, false, false])
  })

  const proc = (...ids: string[]): ProcInfo => ({ ids, isFromMountsOnly: false, isMounted: () => false })
  const containers = new Map(
    [named(node.containers, 'agent'), named(node.containers, 'plain')].map((one) => [one.id, one]),
  )

  test('is the first id that the API lists', () => {
    expect(findOwnContainer(containers, proc('0'.repeat(64), agentId, plainId))?.name).toBe('agent')
    expect(findOwnContainer(containers, proc())).toBeUndefined()
  })

  test('that is not listed means another node’s API', () => {
    expect(() => findOwnContainer(containers, proc('0'.repeat(64)))).toThrow(/it is another node’s/)
  })

  const socket = '/var/run/docker.sock'
  const owner = (mounts: readonly string[]) => ({ ...named(node.containers, 'plain'), mounts })
  const sharing = (mounts: readonly string[], more: Partial<Container> = {}) => ({
    ...named(node.containers, 'shared'),
    networkMode: `container:${plainId}`,
    mounts,
    ...more,
  })
  const ownOf = (all: readonly Container[], mounted: readonly string[], more: Partial<ProcInfo> = {}) =>
    findOwnContainer(new Map(all.map((one) => [one.id, one])), {
      ...proc(plainId),
      isFromMountsOnly: true,
      isMounted: (path) => mounted.includes(path),
      ...more,
    })?.name

  test.each<[string, Container[], string[], string]>([
    ['no container shares its network', [owner([]), sharing([], { networkMode: 'web' })], [], 'plain'],
    ['the one that shares its network mounts the socket', [owner([]), sharing([socket])], [socket], 'shared'],
    ['the owner mounts the socket', [owner([socket]), sharing([])], [socket], 'plain'],
    ['what the owner mounts is not here', [owner([socket]), sharing([])], [], 'shared'],
    ['what the other mounts is not here', [owner([]), sharing(['/data'])], [], 'plain'],
    [
      'the other names it by its name',
      [owner([]), sharing([socket], { networkMode: 'container:plain' })],
      [socket],
      'shared',
    ],
    ['both mount the same', [owner([socket]), sharing([socket])], [socket], 'plain'],
    ['the other does not run', [owner([]), sharing([socket], { state: 'stopped' })], [socket], 'plain'],
    ['the mounts of neither are here', [owner(['/a']), sharing(['/b'])], [], 'plain'],
  ])('by mounts that containers share: %s', (_, all, mounted, own) => {
    expect(ownOf(all, mounted)).toBe(own)
  })

  test('named by its cgroup is not compared with those that share its network', () => {
    expect(ownOf([owner([]), sharing([socket])], [socket], { isFromMountsOnly: false })).toBe('plain')
  })
})
