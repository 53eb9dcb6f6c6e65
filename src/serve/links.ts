// Which node this is and which others can be asked: needed by each request, read off the store only after a
// change.

import { ProxyError } from '../errors.ts'
import type { Catalogue, Change, Mono, NodeId, NodeView } from '../model.ts'
import { nodeNamesOf } from '../node-names.ts'

export interface Links {
  own(): NodeId
  linkTo(node: NodeId): Link
}

/** The way to a node's agent. */
export interface Link {
  readonly state: NodeView['link']
  /** Since when it is so. Absent where nothing is known of that agent. */
  readonly since?: Mono
  /** What the node is named. */
  readonly name: string
}

export interface LinksSource {
  /** Own node first. */
  nodes(): readonly NodeView[]
  catalogue(): { readonly value: Catalogue } | undefined
  subscribe(listener: (change: Change) => void): () => void
}

export function createLinks(store: LinksSource): Links {
  let known: ReadonlyMap<NodeId, Link> | undefined
  store.subscribe(({ kind }) => {
    if (kind === 'nodes' || kind === 'catalogue') known = undefined
  })
  const links = () => {
    known ??= readLinks(store.nodes(), store.catalogue()?.value)
    return known
  }
  return {
    own() {
      const [own] = links().keys()
      if (own === undefined) throw new ProxyError('not_ready', 'this agent does not know its node yet')
      return own
    },
    linkTo: (node) => links().get(node) ?? { state: 'lost', name: node },
  }
}

function readLinks(nodes: readonly NodeView[], catalogue: Catalogue | undefined): ReadonlyMap<NodeId, Link> {
  const { nameOf } = nodeNamesOf(nodes, catalogue)
  return new Map(
    nodes.map(({ self: { node }, link, since }) => [node, { state: link, since, name: nameOf(node) }]),
  )
}
