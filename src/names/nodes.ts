// What the look-up needs to know of nodes. Read when it is needed: most look-ups don't.

import type { NodeId, NodeView, SwarmState } from '../model.ts'
import { type NodeNames, nodeNamesOf } from './node-names.ts'

export interface Nodes {
  /** Whether the node is meant by this hostname or id. */
  fits(node: NodeId, nameOrId: string): boolean
  /** Whether its agent can be asked. */
  linked(node: NodeId): boolean
  nameOf(node: NodeId): string
}

export function readNodes(views: () => readonly NodeView[], swarmState: SwarmState | undefined): Nodes {
  let read: { readonly linked: ReadonlySet<NodeId>; readonly names: NodeNames } | undefined
  const nodes = () => {
    read ??= readAll(views(), swarmState)
    return read
  }
  return {
    fits: (node, nameOrId) => node === nameOrId || nodes().names.meantBy(nameOrId).includes(node),
    linked: (node) => nodes().linked.has(node),
    nameOf: (node) => nodes().names.nameOf(node),
  }
}

function readAll(views: readonly NodeView[], swarmState: SwarmState | undefined) {
  const linked = views.filter(({ link }) => link !== 'lost').map(({ self }) => self.node)
  return { linked: new Set(linked), names: nodeNamesOf(views, swarmState) }
}
