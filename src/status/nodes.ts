// The nodes of the cluster as the status shows them: those with an agent that is or was connected, and those that
// only the managers list.

import { expectsAgent, type NodeId, type NodeView, type SwarmNode, type SwarmState } from '../model.ts'
import { type NodeNames, nodeNamesOf } from '../names/node-names.ts'
import type { NodeStatus } from './shape.ts'
import { secondsOf, unixTime } from './target.ts'

/** This node first, then those with an agent, then those without; by name. */
export function nodesOf(
  views: readonly NodeView[],
  swarmState: SwarmState | undefined,
): readonly NodeStatus[] {
  const viewOf = new Map(views.map((view) => [view.self.node, view]))
  const swarmNodes = swarmState?.nodes ?? new Map<NodeId, SwarmNode>()
  const names = nodeNamesOf(views, swarmState)
  return [...new Set([...viewOf.keys(), ...swarmNodes.keys()])]
    .map((id) => nodeOf(id, viewOf.get(id), swarmNodes.get(id), names))
    .sort((a, b) => rank(a) - rank(b) || compare(a.name, b.name) || compare(a.id, b.id))
}

/** As its agent says, or else the managers. */
function nodeOf(
  id: NodeId,
  view: NodeView | undefined,
  swarmNode: SwarmNode | undefined,
  names: NodeNames,
): NodeStatus {
  const { self, version, since, roundTripMs, failure } = view ?? {}
  const address = self?.address ?? swarmNode?.address
  return {
    id,
    name: names.nameOf(id),
    hostname: names.hostnameOf(id),
    ...(address !== undefined && { address }),
    swarm: self?.swarm ?? true,
    manager: self?.manager ?? swarmNode?.role === 'manager',
    link: view?.link ?? 'none',
    ...(since !== undefined && { since: unixTime(since) }),
    ...(roundTripMs !== undefined && { roundTrip: secondsOf(roundTripMs) }),
    ...(version !== undefined && { version }),
    expected: !swarmNode || expectsAgent(swarmNode),
    ...swarmStatusOf(swarmNode),
    ...(failure && { failure }),
  }
}

function swarmStatusOf(swarmNode: SwarmNode | undefined) {
  const unusual = [swarmNode?.state, swarmNode?.availability].filter(
    (word) => word !== undefined && word !== 'ready' && word !== 'active',
  )
  return unusual.length > 0 ? { swarmStatus: unusual.join(', ') } : undefined
}

const ranks = { self: 0, up: 1, lost: 1, none: 2 } as const
const rank = ({ link }: NodeStatus) => ranks[link]
const compare = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })
