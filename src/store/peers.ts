// The store's other side: what peers send of what they own. Written by sync alone.
//
// One record per target of a node holds what its present epoch sent. Sync's digest is read from the records and its
// updates are merged into them, so a peer is never told that something is here which can't be used.

import type { Clock } from '../clock.ts'
import { ProxyError, type Trouble } from '../errors.ts'
import {
  agentTarget,
  type Change,
  type Entry,
  type Mono,
  type NodeId,
  type NodeView,
  type Place,
  type Self,
} from '../model.ts'
import {
  entryOf,
  formerOf,
  type Listing,
  merge,
  type PeerRecord,
  recordOwnedBy,
  type Update,
} from './merge.ts'

/** An agent of which its epoch has proved that it speaks for this node. */
export interface Speaker {
  readonly self: Self
  readonly version: string
  readonly epoch: string
}

export interface PeerSide {
  /**
   * A link to this agent is in use. From now on only this epoch speaks for its node. One that is known by another node
   * id has got a new one, in a Swarm that it joined or left: its records are that id's now.
   */
  up(speaker: Speaker, trouble?: Trouble): void
  lost(node: NodeId, trouble?: Trouble): void
  /** What is wrong with this node, if anything is. */
  trouble(node: NodeId, trouble: Trouble | undefined): void
  measured(node: NodeId, roundTrip: number): void
  /** What is held of the node's present epoch, by target. */
  records(node: NodeId): ReadonlyMap<string, PeerRecord>
  /** Throws a ProxyError where that is more than one node may have. */
  update(node: NodeId, id: string, update: Update): void
  /** The target is withdrawn. */
  remove(node: NodeId, id: string): void
  /** The node has sent all that it has: what only its former epoch had is gone. */
  complete(node: NodeId): void
  /** The id is our own now: whoever had it has it no longer. */
  forget(node: NodeId): void
  /**
   * Forgets nodes lost for too long unless an agent is expected there, and what a former epoch had and the present one
   * never sent.
   */
  sweep(): void
  /** The managers' list of tasks may be another one. */
  tasksListed(): void
  entry(node: NodeId, id: string): Entry | undefined
  entries(): Iterable<Entry>
  views(): Iterable<NodeView>
}

interface Node {
  view: NodeView
  epoch: string
  /** Since when this epoch is the present one. */
  since: Mono
  readonly records: Map<string, PeerRecord>
  /** What is shown of them. */
  readonly entries: Map<string, Entry>
}

interface Context {
  readonly clock: Clock
  readonly forgetAfterMs: number
  readonly tell: (change: Change) => void
  /** The agent of this node has another id now. */
  readonly renamed: (from: NodeId) => void
  /** Whether the managers list this container as a task on that node; undefined: there is no list. */
  readonly isTask: (node: NodeId, id: string) => boolean | undefined
  /** Whether an agent is meant to run there; undefined: nobody says so, or otherwise. */
  readonly isExpected: (view: NodeView) => boolean | undefined
}

/** More than any node runs. */
const maxTargets = 20_000

export function createPeerSide(context: Context): PeerSide {
  const { clock, forgetAfterMs, tell, renamed, isTask, isExpected } = context
  const nodes = new Map<NodeId, Node>()

  function look(node: Node, change: Partial<NodeView>): void {
    const moved = change.link !== undefined && change.link !== node.view.link
    const { trouble, ...rest } = node.view
    node.view = { ...rest, ...(moved && { since: clock.now() }), ...change }
    tell({ kind: 'nodes' })
  }

  function put(owner: NodeId, { records, entries }: Node, id: string, record: PeerRecord): void {
    const before = entries.get(id)
    const entry = entryOf(owner, record)
    records.set(id, record)
    if (!entry) return
    entries.set(id, entry)
    tell({ kind: 'entry', entry, ...(before && { before }) })
  }

  function drop(owner: NodeId, { records, entries }: Node, id: string): void {
    records.delete(id)
    if (entries.delete(id)) tell({ kind: 'gone', owner, id })
  }

  function move(owner: NodeId, node: Node, from: NodeId, former: Node): void {
    for (const [id, record] of former.records) {
      put(owner, node, id, recordOwnedBy(owner, record))
      if (former.entries.has(id)) tell({ kind: 'gone', owner: from, id })
    }
    renamed(from)
  }

  /** Only what the present epoch has sent is left. */
  function dropFormer(owner: NodeId, node: Node): void {
    for (const [id, { former, ...present }] of [...node.records])
      if (!present.listing) drop(owner, node, id)
      else if (former) put(owner, node, id, present)
  }

  /**
   * Labels can be put on any container: once the managers have listed tasks, those that they haven't are provisional,
   * whatever their owner says. What was listed stays known.
   */
  function placed(owner: NodeId, listing: Listing, before?: Listing): Listing {
    const { place, id } = listing.target
    if (!('task' in place)) return listing
    const listed = isTask(owner, id)
    if (listed || (before?.generation === listing.generation && before.wasListed))
      return { ...listing, wasListed: true }
    return listed === false ? withPlace(listing, { ...place, provisional: true }) : listing
  }

  /** The same for what is known already. */
  function replaced(owner: NodeId, listing: Listing): Listing {
    const { place, id } = listing.target
    if (!('task' in place) || listing.wasListed) return listing
    const { provisional, ...task } = place
    if (isTask(owner, id)) return { ...withPlace(listing, task), wasListed: true }
    return provisional ? listing : placed(owner, listing)
  }

  function enter(owner: NodeId, node: Node, epoch: string): void {
    if (node.epoch === epoch) return
    Object.assign(node, { epoch, since: clock.now() })
    for (const [id, record] of node.records) node.records.set(id, formerOf(owner, record))
  }

  /** An agent that is expected stays missed, however long it is lost; one that isn't is missed no longer. */
  function forgetLost(owner: NodeId, node: Node, now: Mono): void {
    const expected = isExpected(node.view)
    if (expected === false) drop(owner, node, agentTarget)
    if (now - node.view.since < forgetAfterMs) return
    if (!expected) forgetNode(owner, node)
    else for (const id of [...node.records.keys()]) if (id !== agentTarget) drop(owner, node, id)
  }

  function forgetNode(owner: NodeId, node: Node): void {
    for (const id of [...node.records.keys()]) drop(owner, node, id)
    nodes.delete(owner)
    tell({ kind: 'nodes' })
  }

  return {
    up({ self, version, epoch }, trouble) {
      const [from, former] = [...nodes].find(([id, one]) => one.epoch === epoch && id !== self.node) ?? []
      if (from !== undefined) nodes.delete(from)
      const node: Node = nodes.get(self.node) ?? {
        view: { self, version, link: 'lost', since: clock.now() },
        epoch,
        since: clock.now(),
        records: new Map(),
        entries: new Map(),
      }
      nodes.set(self.node, node)
      enter(self.node, node, epoch)
      look(node, { self, version, link: 'up', ...(trouble && { trouble }) })
      if (from !== undefined) move(self.node, node, from, former!)
    },
    lost(id, trouble) {
      const node = nodes.get(id)
      if (!node) return
      const { roundTrip, ...view } = node.view
      node.view = view
      look(node, { link: 'lost', ...(trouble && { trouble }) })
    },
    trouble(id, trouble) {
      const node = nodes.get(id)
      if (node) look(node, trouble ? { trouble } : {})
    },
    measured(id, roundTrip) {
      const node = nodes.get(id)
      if (node) node.view = { ...node.view, roundTrip }
    },
    records: (owner) => nodes.get(owner)?.records ?? new Map(),
    update(owner, id, update) {
      const node = nodes.get(owner)
      if (!node) return
      const known = node.records.get(id)
      if (!known && node.records.size >= maxTargets)
        throw new ProxyError('protocol', `a node with more than ${maxTargets} containers`)
      const placedUpdate =
        update.kind === 'listing'
          ? { ...update, value: placed(owner, update.value, known?.listing?.value) }
          : update
      const record = merge(known ?? { history: [] }, placedUpdate)
      if (record !== known && record.listing) put(owner, node, id, record)
    },
    remove(owner, id) {
      const node = nodes.get(owner)
      if (node) drop(owner, node, id)
    },
    complete(owner) {
      const node = nodes.get(owner)
      if (node) dropFormer(owner, node)
    },
    forget(owner) {
      const node = nodes.get(owner)
      if (node) forgetNode(owner, node)
    },
    sweep() {
      const now = clock.now()
      for (const [owner, node] of [...nodes]) {
        if (now - node.since >= forgetAfterMs) dropFormer(owner, node)
        if (node.view.link === 'lost') forgetLost(owner, node, now)
      }
    },
    tasksListed() {
      for (const [owner, node] of nodes)
        for (const [id, record] of node.records)
          if (record.listing) {
            const value = replaced(owner, record.listing.value)
            if (value !== record.listing.value)
              put(owner, node, id, { ...record, listing: { ...record.listing, value } })
          }
    },
    entry: (owner, id) => nodes.get(owner)?.entries.get(id),
    *entries() {
      for (const { entries } of nodes.values()) yield* entries.values()
    },
    *views() {
      for (const { view } of nodes.values()) yield view
    },
  }
}

function withPlace(listing: Listing, place: Place): Listing {
  return { ...listing, target: { ...listing.target, place } }
}
