// What a node is named: in /sd, in paths, on the status page. One rule, so that every name that is shown is
// understood as it was meant.

import type { NodeId, NodeView, SwarmState } from '../model.ts'

export interface NodeNames {
  /** From its agent while that is connected, else from the managers; unique or not. */
  hostnameOf(node: NodeId): string
  /** Its hostname, unless that means another node; then its id. */
  nameOf(node: NodeId): string
  /** The nodes that an id or a hostname means. Several: nothing tells them apart. */
  meantBy(name: string): readonly NodeId[]
}

/**
 * `nodes` are those whose agents are known: only these have targets. An id means its node. A hostname means the
 * nodes that have it; if exactly one of them is connected, that one alone, since the others may be what it was
 * before it joined or left a Swarm.
 */
export function nodeNamesOf(nodes: readonly NodeView[], swarmState: SwarmState | undefined): NodeNames {
  const byId = new Map(nodes.map((node) => [node.self.node, node]))
  const isConnected = (node: NodeId) => (byId.get(node)?.link ?? 'lost') !== 'lost'
  const byHostname = Map.groupBy(byId.keys(), hostnameOf)

  function hostnameOf(node: NodeId): string {
    const own = byId.get(node)?.self.hostname
    const known = swarmState?.nodes.get(node)?.hostname
    return (isConnected(node) ? (own ?? known) : (known ?? own)) ?? node
  }

  function meantBy(name: string): readonly NodeId[] {
    if (byId.has(name)) return [name]
    const all = byHostname.get(name) ?? []
    const connected = all.filter(isConnected)
    return connected.length === 1 ? connected : all
  }

  return {
    hostnameOf,
    nameOf(node) {
      const hostname = hostnameOf(node)
      return meantBy(hostname).every((one) => one === node) ? hostname : node
    },
    meantBy,
  }
}
