// The nodes of the cluster as the status shows them: those whose agents we know, and those that only the
// managers know.

import { type Catalogue, type CatalogueNode, expectsAgent, type NodeId, type NodeView } from '../../model.ts'
import type { NodeStatus } from './shape.ts'
import { secondsOf, type Unix } from './target.ts'

/** Own node first, then those with an agent, then those without; by name. */
export function nodesOf(
  views: readonly NodeView[],
  catalogue: Catalogue | undefined,
  unix: Unix,
): readonly NodeStatus[] {
  const declared = catalogue?.nodes ?? new Map<NodeId, CatalogueNode>()
  const known = new Set(views.map(({ self }) => self.node))
  return [
    ...views.map((view) => seen(view, declared.get(view.self.node), unix)),
    ...[...declared].filter(([id]) => !known.has(id)).map(([id, node]) => unseen(id, node)),
  ].sort((a, b) => rank(a) - rank(b) || compare(a.name, b.name) || compare(a.id, b.id))
}

function seen(view: NodeView, declared: CatalogueNode | undefined, unix: Unix): NodeStatus {
  const { self, version, link, since, roundTrip, trouble } = view
  const address = self.address ?? declared?.address
  return {
    id: self.node,
    name: self.hostname,
    ...(address !== undefined && { address }),
    swarm: self.swarm,
    manager: self.manager,
    link,
    since: unix(since),
    ...(roundTrip !== undefined && { roundTrip: secondsOf(roundTrip) }),
    version,
    expected: !declared || expectsAgent(declared),
    ...swarmStateOf(declared),
    ...(trouble && { trouble }),
  }
}

function unseen(id: string, declared: CatalogueNode): NodeStatus {
  const { hostname, address, role } = declared
  return {
    id,
    name: hostname,
    address,
    swarm: true,
    manager: role === 'manager',
    link: 'none',
    expected: expectsAgent(declared),
    ...swarmStateOf(declared),
  }
}

function swarmStateOf(declared: CatalogueNode | undefined) {
  const unusual = [declared?.state, declared?.availability].filter(
    (word) => word !== undefined && word !== 'ready' && word !== 'active',
  )
  return unusual.length > 0 ? { swarmState: unusual.join(', ') } : undefined
}

const ranks = { self: 0, up: 1, lost: 1, none: 2 } as const
const rank = ({ link }: NodeStatus) => ranks[link]
const compare = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })

/** How to call a node in a path: by its name, unless another one has the same. */
export function pathNamer(nodes: readonly NodeStatus[]): (id: string, name: string) => string {
  const count = new Map<string, number>()
  for (const { name } of nodes) count.set(name, (count.get(name) ?? 0) + 1)
  return (id, name) => ((count.get(name) ?? 0) > 1 ? id : name)
}
