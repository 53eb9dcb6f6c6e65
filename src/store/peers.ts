// The store's other side: what peers say of what they own. Written by sync alone.

import type { Clock } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import {
  agentTarget,
  type Change,
  type Entry,
  type Mono,
  type NodeId,
  type NodeView,
  type Self,
} from '../model.ts'
import { entryOf, formerOf, type Heard, merge, type Saying } from './merge.ts'

/** Who speaks: an agent and its present life. */
export interface Speaker {
  readonly self: Self
  readonly version: string
  /** Random, another one at each start. */
  readonly epoch: string
}

export interface PeerSide {
  /**
   * A link to this agent stands. From now on only this epoch of it is believed. One that is known by another node
   * id has got a new one, in a Swarm that it joined or left: what it said stays, under that.
   */
  up(speaker: Speaker, trouble?: Trouble): void
  lost(node: NodeId, trouble?: Trouble): void
  measured(node: NodeId, roundTrip: number): void
  /** Merges what the node says of one of its own targets. Returns whether that target is listed then. */
  say(node: NodeId, epoch: string, saying: Saying): boolean
  /** The node has told of all that it has: what only its former epoch had is gone. */
  whole(node: NodeId, epoch: string): void
  /** This id is our own node's now: what was sent of it counts no longer. */
  forget(node: NodeId): void
  /**
   * Forgets nodes lost for too long unless an agent is expected there, what was withdrawn, and what a former epoch had
   * and the present one never spoke of.
   */
  sweep(): void
  entry(node: NodeId, id: string): Entry | undefined
  entries(): Iterable<Entry>
  views(): Iterable<NodeView>
}

interface Node {
  view: NodeView
  epoch: string
  /** Since when this epoch is the present one. */
  since: number
  readonly heard: Map<string, { heard: Heard; entry: Entry | undefined }>
  /** Since when there is no entry of what was heard, the first one first. */
  readonly withdrawn: Map<string, Mono>
}

interface Context {
  readonly clock: Clock
  readonly forgetAfter: number
  readonly tell: (change: Change) => void
  /** The agent of this node has another id now. */
  readonly renamed: (from: NodeId) => void
  /** Whether an agent is meant to run there; undefined: nobody says so, or otherwise. */
  readonly isExpected: (view: NodeView) => boolean | undefined
}

/**
 * Withdrawn targets are remembered so long that no message under way can bring them back: a link that is dead is
 * closed after 3 s. No longer, since their last pages are remembered with them.
 */
const rememberWithdrawn = 30_000
const mostWithdrawn = 1000

export function createPeerSide({ clock, forgetAfter, tell, renamed, isExpected }: Context): PeerSide {
  const nodes = new Map<NodeId, Node>()

  function look(node: Node, change: Partial<NodeView>): void {
    const moved = change.link !== undefined && change.link !== node.view.link
    const { trouble, ...rest } = node.view
    node.view = { ...rest, ...(moved && { since: clock.now() }), ...change }
    tell({ kind: 'nodes' })
  }

  function put(owner: NodeId, node: Node, id: string, heard: Heard): void {
    const before = node.heard.get(id)?.entry
    const entry = entryOf(owner, heard)
    node.heard.delete(id)
    node.heard.set(id, { heard, entry })
    node.withdrawn.delete(id)
    if (!entry) node.withdrawn.set(id, clock.now())
    if (entry) tell({ kind: 'entry', entry, ...(before && { before }) })
    else if (before) tell({ kind: 'gone', owner, id })
  }

  function drop(owner: NodeId, node: Node, id: string): void {
    const known = node.heard.get(id)
    node.heard.delete(id)
    node.withdrawn.delete(id)
    if (known?.entry) tell({ kind: 'gone', owner, id })
  }

  function take(owner: NodeId, node: Node, from: NodeId, { heard: all }: Node): void {
    for (const [id, { heard, entry }] of all) {
      put(owner, node, id, formerOf(owner, heard, entry))
      if (entry) tell({ kind: 'gone', owner: from, id })
    }
    renamed(from)
  }

  function enter(owner: NodeId, node: Node, epoch: string): void {
    Object.assign(node, { epoch, since: clock.now() })
    for (const [id, { heard, entry }] of node.heard)
      node.heard.set(id, { heard: formerOf(owner, heard, entry), entry })
  }

  /** Only what the present epoch said of itself is left. */
  function dropFormer(owner: NodeId, node: Node): void {
    for (const [id, { heard }] of [...node.heard]) {
      const { former, ...present } = heard
      if (heard.epoch !== node.epoch || !heard.listing) drop(owner, node, id)
      else if (former) put(owner, node, id, present)
    }
  }

  function forgetWithdrawn(owner: NodeId, node: Node): void {
    for (const [id, at] of node.withdrawn) {
      if (node.withdrawn.size <= mostWithdrawn && clock.now() - at < rememberWithdrawn) return
      drop(owner, node, id)
    }
  }

  /** An agent that is expected stays missed, however long it is lost; one that isn't is missed no longer. */
  function forgetLost(owner: NodeId, node: Node, now: Mono): void {
    const expected = isExpected(node.view)
    if (expected === false) drop(owner, node, agentTarget)
    if (now - node.view.since < forgetAfter) return
    for (const id of [...node.heard.keys()]) if (!expected || id !== agentTarget) drop(owner, node, id)
    if (expected) return
    nodes.delete(owner)
    tell({ kind: 'nodes' })
  }

  return {
    up({ self, version, epoch }, trouble) {
      const known = nodes.get(self.node)
      const node: Node = known ?? {
        view: { self, version, link: 'lost', since: clock.now() },
        epoch,
        since: clock.now(),
        heard: new Map(),
        withdrawn: new Map(),
      }
      if (node.epoch !== epoch) enter(self.node, node, epoch)
      nodes.set(self.node, node)
      const [from, former] = [...nodes].find(([id, one]) => one.epoch === epoch && id !== self.node) ?? []
      if (from !== undefined) nodes.delete(from)
      look(node, { self, version, link: 'up', ...(trouble && { trouble }) })
      if (from !== undefined) take(self.node, node, from, former!)
    },
    lost(id, trouble) {
      const node = nodes.get(id)
      if (!node) return
      const { roundTrip, ...view } = node.view
      node.view = view
      look(node, { link: 'lost', ...(trouble && { trouble }) })
    },
    measured(id, roundTrip) {
      const node = nodes.get(id)
      if (node) node.view = { ...node.view, roundTrip }
    },
    say(owner, epoch, saying) {
      const node = nodes.get(owner)
      if (!node || node.epoch !== epoch) return false
      const known = node.heard.get(saying.id)?.heard
      const heard = merge(owner, known, epoch, saying)
      if (heard !== known) put(owner, node, saying.id, heard)
      forgetWithdrawn(owner, node)
      return node.heard.get(saying.id)?.entry !== undefined
    },
    whole(owner, epoch) {
      const node = nodes.get(owner)
      if (node?.epoch === epoch) dropFormer(owner, node)
    },
    forget(owner) {
      const node = nodes.get(owner)
      for (const id of [...(node?.heard.keys() ?? [])]) drop(owner, node!, id)
      nodes.delete(owner)
    },
    sweep() {
      const now = clock.now()
      for (const [owner, node] of [...nodes]) {
        forgetWithdrawn(owner, node)
        if (now - node.since >= forgetAfter) dropFormer(owner, node)
        if (node.view.link === 'lost') forgetLost(owner, node, now)
      }
    },
    entry: (owner, id) => nodes.get(owner)?.heard.get(id)?.entry,
    *entries() {
      for (const { heard } of nodes.values()) for (const { entry } of heard.values()) if (entry) yield entry
    },
    *views() {
      for (const { view } of nodes.values()) yield view
    },
  }
}
