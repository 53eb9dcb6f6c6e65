// In which container this process runs. Not by its hostname, which is free to choose, and is the node's own on the
// host's network.

import { realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { networkOwnerOf } from './addresses.ts'
import type { Container } from './container.ts'
import { SetupError } from './engine-errors.ts'

/** What /proc shows a process of the container in which it runs. */
export interface ProcInfo {
  /** Container ids to look up in Docker's list, the most reliable first; none: not in a container. */
  readonly ids: readonly string[]
  /** No cgroup named the container; with `--network container:…` the ids are the other container's. */
  readonly isFromMountsOnly: boolean
  /** Whether something is mounted at this path. */
  isMounted(path: string): boolean
}

export async function readProc(): Promise<ProcInfo> {
  const [cgroup, mountinfo] = await Promise.all(
    ['/proc/self/cgroup', '/proc/self/mountinfo'].map((file) => readFile(file, 'utf8').catch(() => '')),
  )
  return parseProc(mountinfo!, cgroup!)
}

/**
 * Docker mounts three files of its own into each container, from a folder named by the container's id. With
 * `--network container:…` they are the other container's. The cgroup is reliable, and comes first, but shows
 * nothing in a cgroup namespace, which is the default today.
 */
export function parseProc(mountinfo: string, cgroup: string, resolve = realPath): ProcInfo {
  const mounts = mountinfo.split('\n').map((line) => {
    const [, , , root = '', point = ''] = line.split(' ')
    return {
      root,
      point: point.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(parseInt(code, 8))),
    }
  })
  const mountIds = mounts.map(({ root, point }) =>
    /^\/etc\/(hostname|hosts|resolv\.conf)$/.test(point)
      ? /\/([0-9a-f]{64})(\/userdata)?\/[^/]+$/.exec(root)?.[1]
      : undefined,
  )
  // Docker inside Docker nests the ids: the last is the innermost
  const cgroupIds = cgroup.split('\n').map((line) => /.*([0-9a-f]{64})/.exec(line)?.[1])
  const points = new Set(mounts.map(({ point }) => point))
  return {
    ids: [...new Set([...cgroupIds, ...mountIds])].filter((id) => id !== undefined),
    isFromMountsOnly: cgroupIds.every((id) => id === undefined),
    isMounted: (path) => points.has(resolve(path)),
  }
}

/** Docker lists a mount's path as it was given: `/var/run/docker.sock`, where `/var/run` may lead to `/run`. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** The agent's container in a complete list. Ids, but none listed: the API is another node's. */
export function findOwnContainer(
  containers: ReadonlyMap<string, Container>,
  proc: ProcInfo,
): Container | undefined {
  const own = proc.ids.map((id) => containers.get(id)).find((one) => one !== undefined)
  if (own && proc.isFromMountsOnly) return bestByMounts(own, containers, proc)
  if (own || proc.ids.length === 0) return own
  throw new SetupError(
    'not_ready',
    'Docker’s API does not list the container in which this agent runs: it is another node’s',
    {
      hint: 'give each agent its own node’s API: mount /var/run/docker.sock, or let DOCKER_HOST name a socket proxy on the same node (in Swarm, share its unix socket through a volume: a service’s name may lead to any node)',
    },
  )
}

/**
 * Of a network's owner and the containers that share it: the one whose mounts are all seen here, and the most of
 * them. The owner, where that is true of several.
 */
function bestByMounts(
  owner: Container,
  containers: ReadonlyMap<string, Container>,
  { isMounted }: ProcInfo,
): Container {
  const sharing = [...containers.values()].filter(
    (one) => one !== owner && one.state === 'running' && networkOwnerOf(one, containers) === owner,
  )
  const [first = owner, ...others] = [owner, ...sharing].filter(({ mounts }) => mounts.every(isMounted))
  return others.reduce((best, one) => (one.mounts.length > best.mounts.length ? one : best), first)
}
