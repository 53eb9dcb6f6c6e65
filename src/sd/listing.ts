// The whole list of the cluster's targets, made anew only when something changed that it tells of, and then
// only for the services of which something changed.

import type { Change, Dated, Entry, NodeId, NodeView, SwarmState } from '../model.ts'
import { nodeNamesOf } from '../names/node-names.ts'
import { describe, describeAgent, type Listed, type Surroundings } from './labels.ts'
import { metaPrinter } from './meta.ts'
import { createRecollection } from './recollection.ts'
import { groupsOf, replicasOf, type Standing } from './replicas.ts'

/** What is read of the store. */
export interface Source {
  entries(): Iterable<Entry>
  nodes(): readonly NodeView[]
  swarmState(): Dated<SwarmState> | undefined
  subscribe(listener: (change: Change) => void): () => void
}

export interface Listing {
  /** The same array as long as nothing has changed, in an order that is the same everywhere. */
  targets(): readonly Listed[]
}

export function createListing(store: Source, cluster: string | undefined, standing: Standing): Listing {
  const recollection = createRecollection<readonly Listed[]>()
  let current: readonly Listed[] | undefined
  store.subscribe((change) => {
    if (matters(change)) current = undefined
  })

  function list(): readonly Listed[] {
    const nodes = store.nodes()
    const swarmState = store.swarmState()?.value
    const around = surroundings(nodes, swarmState, cluster)
    const linked = new Set(nodes.filter(isLinked).map(({ self }) => self.node))
    const view = { swarmState, linked: (node: NodeId) => linked.has(node), standing }
    const printMeta = metaPrinter(swarmState)
    const groups = recollection.of(
      groupsOf(store.entries(), swarmState),
      factsOf(nodes, swarmState),
      (group) => replicasOf(group, view).map((replica) => describe(replica, around, printMeta)),
    )
    return inOrder([agents(nodes, around), ...groups].flat())
  }

  return {
    targets() {
      current ??= list()
      return current
    },
  }
}

/** Scrapes come and go by the thousand; the list speaks of none of them. */
function matters(change: Change): boolean {
  if (change.kind !== 'entry' || !change.before) return true
  const { entry, before } = change
  return (
    entry.target !== before.target ||
    (entry.endpoint === undefined) !== (before.endpoint === undefined) ||
    entry.ended !== before.ended
  )
}

/** All that the list says of any service and that isn't the service's own. */
function factsOf(nodes: readonly NodeView[], swarmState: SwarmState | undefined): string {
  const seen = nodes.map((node) => [node.self, isLinked(node)])
  return JSON.stringify([seen, swarmState?.cluster, [...(swarmState?.nodes ?? [])]])
}

function agents(nodes: readonly NodeView[], around: Surroundings): readonly Listed[] {
  const users = Map.groupBy(nodes, ({ self }) => self.advertise)
  return nodes.map(({ self }) => describeAgent(self.node, users.get(self.advertise)!.length > 1, around))
}

function surroundings(
  nodes: readonly NodeView[],
  swarmState: SwarmState | undefined,
  cluster: string | undefined,
): Surroundings {
  const byId = new Map(nodes.map((node) => [node.self.node, node]))
  const { hostnameOf, nameOf } = nodeNamesOf(nodes, swarmState)
  const any = nodes.toSorted(linkedFirst)[0]
  return {
    swarmState,
    cluster,
    hostname: hostnameOf,
    nodeName: nameOf,
    address: (node) => (byId.get(node ?? '') ?? any)!.self.advertise,
  }
}

function isLinked({ link }: NodeView): boolean {
  return link !== 'lost'
}

function linkedFirst(a: NodeView, b: NodeView): number {
  return Number(isLinked(b)) - Number(isLinked(a)) || (a.self.node < b.self.node ? -1 : 1)
}

/** By job and instance, and each pair once: what would double a series isn't listed, whoever caused it. */
function inOrder(listed: readonly Listed[]): readonly Listed[] {
  const byKey = new Map<string, Listed>()
  for (const one of listed) if (!byKey.has(one.key)) byKey.set(one.key, one)
  return [...byKey.keys()].sort().map((key) => byKey.get(key)!)
}
