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
  const swarmNodes = swarmState?.nodes ?? new Map<NodeId, SwarmNode>()
  const names = nodeNamesOf(views, swarmState)
  const known = new Set(views.map(({ self }) => self.node))
  return [
    ...views.map((view) => nodeWithAgent(view, swarmNodes.get(view.self.node), names)),
    ...[...swarmNodes]
      .filter(([id]) => !known.has(id))
      .map(([id, node]) => nodeWithoutAgent(id, node, names)),
  ].sort((a, b) => rank(a) - rank(b) || compare(a.name, b.name) || compare(a.id, b.id))
}

function nodeWithAgent(view: NodeView, swarmNode: SwarmNode | undefined, names: NodeNames): NodeStatus {
  const { self, version, link, since, roundTripMs, failure } = view
  const address = self.address ?? swarmNode?.address
  return {
    id: self.node,
    name: names.nameOf(self.node),
    hostname: names.hostnameOf(self.node),
    ...(address !== undefined && { address }),
    swarm: self.swarm,
    manager: self.manager,
    link,
    since: unixTime(since),
    ...(roundTripMs !== undefined && { roundTrip: secondsOf(roundTripMs) }),
    version,
    expected: !swarmNode || expectsAgent(swarmNode),
    ...swarmStatusOf(swarmNode),
    ...(failure && { failure }),
  }
}

function nodeWithoutAgent(id: string, swarmNode: SwarmNode, names: NodeNames): NodeStatus {
  const { hostname, address, role } = swarmNode
  return {
    id,
    name: names.nameOf(id),
    hostname,
    address,
    swarm: true,
    manager: role === 'manager',
    link: 'none',
    expected: expectsAgent(swarmNode),
    ...swarmStatusOf(swarmNode),
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
