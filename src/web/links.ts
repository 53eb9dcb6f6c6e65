// Which node this is and which others can be asked: needed by each request, read off the store only after a
// change.

import { ProxyError } from '../errors.ts'
import type { Change, Mono, NodeId, NodeView, SwarmState } from '../model.ts'
import { nodeNamesOf } from '../names/node-names.ts'

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
  swarmState(): { readonly value: SwarmState } | undefined
  subscribe(listener: (change: Change) => void): () => void
}

export function createLinks(store: LinksSource): Links {
  let known: ReadonlyMap<NodeId, Link> | undefined
  store.subscribe(({ kind }) => {
    if (kind === 'nodes' || kind === 'swarmState') known = undefined
  })
  const links = () => {
    known ??= readLinks(store.nodes(), store.swarmState()?.value)
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

function readLinks(
  nodes: readonly NodeView[],
  swarmState: SwarmState | undefined,
): ReadonlyMap<NodeId, Link> {
  const { nameOf } = nodeNamesOf(nodes, swarmState)
  return new Map(
    nodes.map(({ self: { node }, link, since }) => [node, { state: link, since, name: nameOf(node) }]),
  )
}
