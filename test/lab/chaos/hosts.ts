// What is true of the containers that pages show, by the word of those who can't be late: each engine for the
// slots, the kernel for who runs.

import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Node } from '../harness/node.ts'

export interface Hosts {
  /** The slot of a container by its host name; undefined: no such container was ever seen. */
  slotOf(host: string): string | undefined
  /** Whether a process of it is alive at this moment. */
  runs(host: string): boolean
  /** Receives each page: the engines are read whenever one shows a container that isn't known. */
  learn(page: string): Promise<void>
}

/** So much later an engine's list has what it lacked. */
const listLag = 500

/** Even a node that is cut off can be reached here. */
export function createHosts(nodes: readonly Node[], service: string): Hosts {
  const slots = new Map<string, string>()
  const format = '{{.ID}} {{.Label "com.docker.swarm.task.name"}}'

  async function look(): Promise<void> {
    const lists = await Promise.all(
      nodes.map((node) => node.docker('ps', '--all', '--format', format).catch(() => '')),
    )
    for (const [, id = '', name, slot = ''] of lists.join('\n').matchAll(/^(\w+) (\w+)\.(\w+)\./gm))
      if (name === service) slots.set(id, slot)
  }
  return {
    slotOf: (host) => slots.get(host),
    runs,
    async learn(page) {
      const shown = [...page.matchAll(/host="(\w+)"/g)].map(([, host = '']) => host)
      const isKnown = () => shown.every((host) => slots.has(host))
      if (isKnown()) return
      await look()
      if (isKnown()) return
      await pause(listLag)
      await look()
    },
  }
}

/**
 * By the cgroups of all processes: on a busy machine an engine's list calls a container running for seconds
 * after its end.
 */
function runs(host: string): boolean {
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && cgroupsOf(name).includes(`/${host}`))
}

/** A process may end while one reads about it. */
function cgroupsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8')
  } catch {
    return ''
  }
}
