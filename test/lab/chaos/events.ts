// What can befall a cluster, chosen by chance, each undone in time so that the next finds a cluster to break.

import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster } from '../cluster.ts'
import type { Node } from '../harness/node.ts'
import type { Random } from './random.ts'

export interface Event {
  readonly what: string
  run(): Promise<void>
}

/** The service that is tormented. */
export const service = 'web'
const most = 5

export function chooseEvent(cluster: Cluster, random: Random): Event {
  const { manager, nodes } = cluster
  const [, ...others] = nodes as [Node, Node, ...Node[]]
  const node = random.pick(nodes as [Node, ...Node[]])
  const other = random.pick(others as [Node, ...Node[]])
  const long = random.whole(2, 20) * 1000
  const swarm = (...args: string[]) => changeService(manager, args)
  const force = ['update', '--detach', '--no-resolve-image', '--force', '--update-delay', '1s']

  const scale = random.whole(1, most)
  const events: readonly [Event, ...Event[]] = [
    { what: `scale to ${scale}`, run: () => swarm('scale', '--detach', `${service}=${scale}`) },
    { what: 'update, new ones first', run: () => swarm(...force, '--update-order', 'start-first', service) },
    { what: 'update, old ones first', run: () => swarm(...force, '--update-order', 'stop-first', service) },
    { what: `kill a container of ${node.name}`, run: () => killOne(node, `^${service}[.]`, random) },
    { what: `kill the agent of ${node.name}`, run: () => killOne(node, '^metrics_agent[.]', random) },
    {
      what: `cut ${other.name} off for ${long / 1000} s`,
      async run() {
        await other.cut()
        await pause(long)
        await other.heal()
      },
    },
    {
      what: `lose a fifth of ${node.name}'s packets for ${long / 1000} s`,
      async run() {
        await node.lose(0.2)
        await pause(long)
        await node.lose(0)
      },
    },
  ]
  return random.pick(events)
}

/** Swarm refuses a change that it read the service for before its own last one: then it is tried again. */
function changeService(manager: Node, args: readonly string[]): Promise<void> {
  return manager.docker('service', ...args).then(
    () => {},
    (error: Error) => {
      if (!/update out of sequence/.test(error.message)) throw error
      return changeService(manager, args)
    },
  )
}

async function killOne(node: Node, name: string, random: Random): Promise<void> {
  const ids = (await node.docker('ps', '--quiet', '--filter', `name=${name}`)).split('\n').filter(Boolean)
  if (ids.length === 0) return
  // it may end by itself between the list and the kill
  await node.docker('kill', random.pick(ids as [string, ...string[]])).catch((error: Error) => {
    if (!/is not running|No such container/.test(error.message)) throw error
  })
}
