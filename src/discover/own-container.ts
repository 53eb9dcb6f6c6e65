// Which container this process runs in. Not by its hostname: that is free to choose, and the node's own on
// the host's network.

import { readFile } from 'node:fs/promises'

/** Container ids to look for in Docker's list, the surest first; none: not in a container. */
export async function ownContainerIds(): Promise<readonly string[]> {
  const [cgroup, mountinfo] = await Promise.all(
    ['/proc/self/cgroup', '/proc/self/mountinfo'].map((file) => readFile(file, 'utf8').catch(() => '')),
  )
  return containerIdsOf(mountinfo!, cgroup!)
}

/**
 * Docker mounts three files of its own into each container, from a folder that bears the container's id.
 * With `--network container:…` they are the other container's: the cgroup, where it tells (it doesn't in a
 * cgroup namespace, the default today), is surer and comes first.
 */
export function containerIdsOf(mountinfo: string, cgroup: string): readonly string[] {
  const mounted = mountinfo.split('\n').map((line) => {
    const [, , , root = '', point = ''] = line.split(' ')
    return /^\/etc\/(hostname|hosts|resolv\.conf)$/.test(point)
      ? /\/([0-9a-f]{64})(\/userdata)?\/[^/]+$/.exec(root)?.[1]
      : undefined
  })
  // Docker inside Docker nests the ids: the last is the innermost
  const grouped = cgroup.split('\n').map((line) => /.*([0-9a-f]{64})/.exec(line)?.[1])
  return [...new Set([...grouped, ...mounted])].filter((id) => id !== undefined)
}
