// What a node is named: in /sd, in paths, on the status page. The only such rule, so that each name that is shown
// means its node when it is asked for.

import type { NodeId, NodeView, SwarmState } from '../model.ts'

export interface NodeNames {
  /** From its agent while that is connected, else from the managers; unique or not. */
  hostnameOf(node: NodeId): string
  /** Its hostname, unless that means another node; then its id. */
  nameOf(node: NodeId): string
  /** The nodes that an id or a hostname means. Several: nothing tells them apart. */
  nodesNamed(name: string): readonly NodeId[]
  /** Its agent is this one, or linked to this one. */
  isConnected(node: NodeId): boolean
  /** Where managers are known, only the nodes that they know run tasks, whatever a peer sends. */
  mayRunTasks(node: NodeId): boolean
}

/**
 * `nodes` are those whose agents are known: only these have targets. An id means its node. A hostname means the
 * nodes that have it; if exactly one of them is connected, that one alone, since the others may be what it was
 * before it joined or left a Swarm.
 */
export function nodeNamesOf(nodes: readonly NodeView[], swarmState: SwarmState | undefined): NodeNames {
  const byId = new Map(nodes.map((node) => [node.self.node, node]))
  const byHostname = Map.groupBy(byId.keys(), hostnameOf)

  function isConnected(node: NodeId): boolean {
    return (byId.get(node)?.link ?? 'lost') !== 'lost'
  }

  function hostnameOf(node: NodeId): string {
    const own = byId.get(node)?.self.hostname
    const known = swarmState?.nodes.get(node)?.hostname
    return (isConnected(node) ? (own ?? known) : (known ?? own)) ?? node
  }

  function nodesNamed(name: string): readonly NodeId[] {
    if (byId.has(name)) return [name]
    const all = byHostname.get(name) ?? []
    const connected = all.filter(isConnected)
    return connected.length === 1 ? connected : all
  }

  function nameOf(node: NodeId): string {
    const hostname = hostnameOf(node)
    return nodesNamed(hostname).every((one) => one === node) ? hostname : node
  }

  const mayRunTasks = (node: NodeId) => swarmState?.nodes.has(node) ?? true

  return { hostnameOf, nameOf, nodesNamed, isConnected, mayRunTasks }
}
