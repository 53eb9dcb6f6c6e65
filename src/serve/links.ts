// Which node this is and which others can be asked: needed by each request, read off the store only after a
// change.

import { ProxyError } from '../errors.ts'
import type { Change, NodeId, NodeView } from '../model.ts'

export interface Links {
  own(): NodeId
  linkOf(node: NodeId): NodeView['link']
}

export interface LinksSource {
  /** Own node first. */
  nodes(): readonly NodeView[]
  subscribe(listener: (change: Change) => void): () => void
}

export function createLinks(store: LinksSource): Links {
  let known: ReadonlyMap<NodeId, NodeView['link']> | undefined
  store.subscribe(({ kind }) => {
    if (kind === 'nodes') known = undefined
  })
  const links = () => {
    known ??= new Map(store.nodes().map(({ self, link }) => [self.node, link]))
    return known
  }
  return {
    own() {
      const [own] = links().keys()
      if (own === undefined) throw new ProxyError('not_ready', 'this agent does not know its node yet')
      return own
    },
    linkOf: (node) => links().get(node) ?? 'lost',
  }
}
