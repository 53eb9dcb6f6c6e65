// Which node this is and which others can be asked: needed by each request, read off the store only after a
// change.

import { ProxyError } from '../errors.ts'
import type { Change, Mono, NodeId, NodeView } from '../model.ts'

export interface Links {
  own(): NodeId
  linkTo(node: NodeId): Link
}

/** The way to a node's agent. */
export interface Link {
  readonly state: NodeView['link']
  /** Since when it is so. Absent where nothing is known of that agent. */
  readonly since?: Mono
  /** What to call the node: its hostname, and its id too where two nodes share that. */
  readonly name: string
}

export interface LinksSource {
  /** Own node first. */
  nodes(): readonly NodeView[]
  subscribe(listener: (change: Change) => void): () => void
}

export function createLinks(store: LinksSource): Links {
  let known: ReadonlyMap<NodeId, Link> | undefined
  store.subscribe(({ kind }) => {
    if (kind === 'nodes') known = undefined
  })
  const links = () => {
    known ??= readLinks(store.nodes())
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

function readLinks(nodes: readonly NodeView[]): ReadonlyMap<NodeId, Link> {
  const bearers = Map.groupBy(nodes, ({ self }) => self.hostname)
  return new Map(
    nodes.map(({ self: { node, hostname }, link, since }) => {
      const name = bearers.get(hostname)!.length > 1 ? `${hostname} (${node})` : hostname
      return [node, { state: link, since, name }]
    }),
  )
}
