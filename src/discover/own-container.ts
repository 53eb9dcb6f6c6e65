// Which container this process runs in. Not by its hostname: that is free to choose, and the node's own on
// the host's network.

import { realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** What a process can see of the container in which it runs. */
export interface Traces {
  /** Container ids to look for in Docker's list, the surest first; none: not in a container. */
  readonly ids: readonly string[]
  /** The last resort told the ids, and with `--network container:…` they are the other container's. */
  readonly mayBeLent: boolean
  /** Whether something is mounted at this path. */
  isMounted(path: string): boolean
}

export async function tracesOfSelf(): Promise<Traces> {
  const [cgroup, mountinfo] = await Promise.all(
    ['/proc/self/cgroup', '/proc/self/mountinfo'].map((file) => readFile(file, 'utf8').catch(() => '')),
  )
  return tracesOf(mountinfo!, cgroup!)
}

/**
 * Docker mounts three files of its own into each container, from a folder that bears the container's id.
 * With `--network container:…` they are the other container's: the cgroup, where it tells (it doesn't in a
 * cgroup namespace, the default today), is surer and comes first.
 */
export function tracesOf(mountinfo: string, cgroup: string, resolve = realPath): Traces {
  const mounts = mountinfo.split('\n').map((line) => {
    const [, , , root = '', point = ''] = line.split(' ')
    return {
      root,
      point: point.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(parseInt(code, 8))),
    }
  })
  const mounted = mounts.map(({ root, point }) =>
    /^\/etc\/(hostname|hosts|resolv\.conf)$/.test(point)
      ? /\/([0-9a-f]{64})(\/userdata)?\/[^/]+$/.exec(root)?.[1]
      : undefined,
  )
  // Docker inside Docker nests the ids: the last is the innermost
  const grouped = cgroup.split('\n').map((line) => /.*([0-9a-f]{64})/.exec(line)?.[1])
  const points = new Set(mounts.map(({ point }) => point))
  return {
    ids: [...new Set([...grouped, ...mounted])].filter((id) => id !== undefined),
    mayBeLent: grouped.every((id) => id === undefined),
    isMounted: (path) => points.has(resolve(path)),
  }
}

/** Docker names a mount as it was asked for: `/var/run/docker.sock`, where `/var/run` may lead to `/run`. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
