// What the look-up needs to know of nodes. Read when it is needed: most look-ups don't.

import type { Catalogue, NodeId, NodeView } from '../../model.ts'

export interface Nodes {
  /** Whether the node or its hostname is meant. */
  fits(node: NodeId, nameOrId: string): boolean
  /** Whether its agent can be asked. */
  linked(node: NodeId): boolean
  /** The node's hostname where that is enough to tell it from all others, else its id. */
  nameOf(node: NodeId): string
}

export function readNodes(views: () => readonly NodeView[], catalogue: Catalogue | undefined): Nodes {
  let byId: ReadonlyMap<NodeId, NodeView> | undefined
  const known = () => {
    byId ??= new Map(views().map((view) => [view.self.node, view]))
    return byId
  }
  const listed: Catalogue['nodes'] = catalogue?.nodes ?? new Map()
  const hostname = (node: NodeId) => known().get(node)?.self.hostname ?? listed.get(node)?.hostname ?? node
  const isShared = (name: string) =>
    new Set([...known().keys(), ...listed.keys()].filter((node) => hostname(node) === name)).size > 1
  return {
    fits: (node, nameOrId) => node === nameOrId || hostname(node) === nameOrId,
    linked: (node) => (known().get(node)?.link ?? 'lost') !== 'lost',
    nameOf: (node) => (isShared(hostname(node)) ? node : hostname(node)),
  }
}
