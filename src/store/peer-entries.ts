// The entries of all other nodes. Written by sync alone, from what the peers send of what they own.
//
// A node is known from its first link. Its epoch is the start of the agent that last spoke for it: with another epoch
// what the previous one had stays until the present one has sent its own or has sent everything. A node whose link is
// lost is forgotten after `forgetAfterMs`, or keeps nothing but its agent's entry while an agent is expected there.
//
// One record per target holds all that is known of it. Sync's digest and the entries are read from the records, and
// updates are merged into them, so that the digest never names what isn't there.

import type { Clock } from '../clock.ts'
import { type Failure, ProxyError } from '../errors.ts'
import {
  agentTarget,
  type Change,
  type Entry,
  heldBytes,
  type Mono,
  type NodeId,
  type NodeView,
  type Self,
} from '../model.ts'
import { createPageBudget } from './page-budget.ts'
import {
  entryOf,
  merge,
  ofPreviousEpoch,
  type PeerRecord,
  pagesOf,
  type RecordUpdate,
  recordOwnedBy,
  type TargetListing,
} from './peer-record.ts'

/** An agent whose epoch has proved that it speaks for this node. */
export interface PeerAgent {
  readonly self: Self
  readonly version: string
  readonly epoch: string
}

/** For sync. What names a node that isn't known, or a target that isn't, changes nothing. */
export interface PeerStore {
  /**
   * A link to this agent is in use. From now on only this epoch speaks for its node. If the epoch is known by another
   * node id, the agent joined or left a Swarm: all that it sent is kept under its new id.
   */
  setAgent(agent: PeerAgent, failure?: Failure): void
  lost(node: NodeId, failure?: Failure): void
  /** What is wrong with this node, if anything is. */
  setFailure(node: NodeId, failure: Failure | undefined): void
  setRoundTrip(node: NodeId, roundTrip: number): void
  /** What is known from the node's present epoch, by target. */
  records(node: NodeId): ReadonlyMap<string, PeerRecord>
  /** Why the target's next page has no room either; undefined: it may have. */
  refusalOf(node: NodeId, id: string): Failure | undefined
  /** Throws a ProxyError for a listing of more targets than one node may have. */
  update(node: NodeId, id: string, update: RecordUpdate): void
  /** The target is withdrawn. */
  delete(node: NodeId, id: string): void
  /** The node has sent all that it has: what only its previous epoch had is gone. */
  complete(node: NodeId): void
}

export interface PeerEntries extends PeerStore {
  /** The id is our own now. */
  forget(node: NodeId): void
  /** Forgets lost nodes, and what only a previous epoch had if the present one never completes. */
  sweep(): void
  /** The managers' list of tasks may be another one. */
  tasksListed(): void
  entry(node: NodeId, id: string): Entry | undefined
  entries(): Iterable<Entry>
  views(): Iterable<NodeView>
}

interface PeerNode {
  view: NodeView
  epoch: string
  epochSince: Mono
  readonly records: Map<string, PeerRecord>
}

interface PeerEntriesDeps {
  readonly clock: Clock
  readonly forgetAfterMs: number
  readonly notify: (change: Change) => void
  /** The agent of this node has another id now. */
  readonly renamed: (from: NodeId) => void
  /** Whether the managers list this container as a task on that node; undefined: there is no list. */
  readonly isTask: (node: NodeId, id: string) => boolean | undefined
  /** Whether an agent is meant to run there; undefined: not known. */
  readonly isExpected: (view: NodeView) => boolean | undefined
  /** How much memory all pages may take. */
  readonly maxPageBytes: number
}

/** More than any node has: 2,000 containers with nine endpoints each, in text and protobuf. */
const maxTargets = 40_000
/** New pages leave those that are here room to grow. */
const newShare = 7 / 8

export function createPeerEntries(deps: PeerEntriesDeps): PeerEntries {
  const { clock, forgetAfterMs, notify, renamed, isTask, isExpected } = deps
  const nodes = new Map<NodeId, PeerNode>()
  const budget = createPageBudget(deps.maxPageBytes, newShare)

  /** A failure that isn't part of the change is over. */
  function updateView(node: PeerNode, change: Partial<NodeView>): void {
    const isOtherLink = change.link !== undefined && change.link !== node.view.link
    const { failure, ...rest } = node.view
    node.view = { ...rest, ...(isOtherLink && { since: clock.now() }), ...change }
    notify({ kind: 'nodes' })
  }

  /** The one place where records change, so that what their pages take is right. */
  function setRecord({ records }: PeerNode, id: string, record: PeerRecord | undefined): void {
    const before = records.get(id)
    budget.replace(before ? pagesOf(before) : [], record ? pagesOf(record) : [])
    if (record) records.set(id, record)
    else records.delete(id)
  }

  function put(owner: NodeId, node: PeerNode, id: string, record: PeerRecord): void {
    const before = entryOf(owner, node.records.get(id))
    const entry = entryOf(owner, record)
    setRecord(node, id, record)
    if (entry) notify({ kind: 'entry', entry, ...(before && { before }) })
  }

  function drop(owner: NodeId, node: PeerNode, id: string): void {
    if (!node.records.has(id)) return
    setRecord(node, id, undefined)
    notify({ kind: 'deleted', owner, id })
  }

  function move(owner: NodeId, node: PeerNode, from: NodeId, old: PeerNode): void {
    for (const [id, record] of [...old.records]) {
      setRecord(old, id, undefined)
      put(owner, node, id, recordOwnedBy(owner, record))
      notify({ kind: 'deleted', owner: from, id })
    }
    renamed(from)
  }

  function startEpoch(owner: NodeId, node: PeerNode, epoch: string): void {
    if (node.epoch === epoch) return
    node.epoch = epoch
    node.epochSince = clock.now()
    for (const [id, record] of node.records) setRecord(node, id, ofPreviousEpoch(owner, record))
  }

  function dropPreviousEpoch(owner: NodeId, node: PeerNode): void {
    for (const [id, { previous, ...present }] of [...node.records])
      if (!present.listing) drop(owner, node, id)
      else if (previous) put(owner, node, id, present)
  }

  /**
   * Labels can be put on any container: once the managers have listed tasks, those that they haven't are provisional,
   * whatever their owner sends. What they have listed is known for the rest of its generation.
   */
  function checkTask(owner: NodeId, listing: TargetListing, before = listing): TargetListing {
    const { target } = listing
    if (!('task' in target.place)) return listing
    const { provisional, ...place } = target.place
    const isListed = isTask(owner, target.id)
    if (isListed || (before.wasListed && before.generation === listing.generation))
      return listing.wasListed ? listing : { ...listing, target: { ...target, place }, wasListed: true }
    if (isListed === undefined || provisional) return listing
    return { ...listing, target: { ...target, place: { ...place, provisional: true } } }
  }

  /** The same of what the previous epoch had, perhaps from before any list. */
  function checkPreviousTask(owner: NodeId, entry: Entry): Entry {
    const { target } = entry
    const { place } = target
    if (!('task' in place) || place.provisional || isTask(owner, target.id) !== false) return entry
    return { ...entry, target: { ...target, place: { ...place, provisional: true } } }
  }

  /** A page that has no room is a failure here; what the target had makes room for others. */
  function mergeWithin(record: PeerRecord, update: RecordUpdate): PeerRecord {
    const merged = merge(record, update)
    if (update.kind !== 'snapshot' || !update.value.ok || merged === record) return merged
    const { at, durationMs, page } = update.value
    const bytes = heldBytes(page)
    if (budget.hasRoom(bytes, pagesOf(record))) {
      const { refusedBytes, ...accepted } = merged
      return accepted
    }
    const failed = merge(record, { ...update, value: { at, durationMs, ok: false, failure: noRoom } })
    const { page: before, ...rest } = failed
    return { ...rest, refusedBytes: bytes }
  }

  /** An agent that is expected is missing for as long as it is lost; one that isn't expected is not. */
  function forgetLost(owner: NodeId, node: PeerNode): void {
    const expected = isExpected(node.view)
    if (expected === false) drop(owner, node, agentTarget)
    if (clock.now() - node.view.since < forgetAfterMs) return
    if (!expected) forgetNode(owner, node)
    else for (const id of [...node.records.keys()]) if (id !== agentTarget) drop(owner, node, id)
  }

  function forgetNode(owner: NodeId, node: PeerNode): void {
    for (const id of [...node.records.keys()]) drop(owner, node, id)
    nodes.delete(owner)
    notify({ kind: 'nodes' })
  }

  return {
    setAgent({ self, version, epoch }, failure) {
      const [from, old] = [...nodes].find(([id, one]) => one.epoch === epoch && id !== self.node) ?? []
      if (from !== undefined) nodes.delete(from)
      const now = clock.now()
      const node: PeerNode = nodes.get(self.node) ?? {
        view: { self, version, link: 'lost', since: now },
        epoch,
        epochSince: now,
        records: new Map(),
      }
      nodes.set(self.node, node)
      startEpoch(self.node, node, epoch)
      updateView(node, { self, version, link: 'up', ...(failure && { failure }) })
      if (from !== undefined) move(self.node, node, from, old!)
    },
    lost(id, failure) {
      const node = nodes.get(id)
      if (!node) return
      const { roundTripMs, ...view } = node.view
      node.view = view
      updateView(node, { link: 'lost', ...(failure && { failure }) })
    },
    setFailure(id, failure) {
      const node = nodes.get(id)
      if (node) updateView(node, failure ? { failure } : {})
    },
    setRoundTrip(id, roundTripMs) {
      const node = nodes.get(id)
      if (node) node.view = { ...node.view, roundTripMs }
    },
    records: (owner) => nodes.get(owner)?.records ?? new Map(),
    refusalOf(owner, id) {
      const record = nodes.get(owner)?.records.get(id)
      if (record?.refusedBytes === undefined) return undefined
      return budget.hasRoom(record.refusedBytes, pagesOf(record)) ? undefined : noRoom
    },
    update(owner, id, update) {
      const node = nodes.get(owner)
      if (!node) return
      const known = node.records.get(id)
      if (!known && update.kind !== 'listing') return
      if (!known && node.records.size >= maxTargets)
        throw new ProxyError('protocol', `a node with more than ${maxTargets} targets`)
      const checked =
        update.kind === 'listing'
          ? { ...update, value: checkTask(owner, update.value, known?.listing?.value) }
          : update
      const record = mergeWithin(known ?? { history: [] }, checked)
      if (record !== known && record.listing) put(owner, node, id, record)
    },
    delete(owner, id) {
      const node = nodes.get(owner)
      if (node) drop(owner, node, id)
    },
    complete(owner) {
      const node = nodes.get(owner)
      if (node) dropPreviousEpoch(owner, node)
    },
    forget(owner) {
      const node = nodes.get(owner)
      if (node) forgetNode(owner, node)
    },
    sweep() {
      for (const [owner, node] of [...nodes]) {
        if (clock.now() - node.epochSince >= forgetAfterMs) dropPreviousEpoch(owner, node)
        if (node.view.link === 'lost') forgetLost(owner, node)
      }
    },
    tasksListed() {
      for (const [owner, node] of nodes)
        for (const [id, record] of node.records) {
          const { listing } = record
          const value = listing && checkTask(owner, listing.value)
          const previous = record.previous && checkPreviousTask(owner, record.previous)
          if (value === listing?.value && previous === record.previous) continue
          put(owner, node, id, {
            ...record,
            ...(listing && { listing: { ...listing, value: value! } }),
            ...(previous && { previous }),
          })
        }
    },
    entry: (owner, id) => entryOf(owner, nodes.get(owner)?.records.get(id)),
    *entries() {
      for (const [owner, { records }] of nodes)
        for (const record of records.values()) {
          const entry = entryOf(owner, record)
          if (entry) yield entry
        }
    },
    *views() {
      for (const { view } of nodes.values()) yield view
    },
  }
}

const noRoom: Failure = {
  code: 'overloaded',
  reason: 'the metrics of other nodes’ containers together take too much memory on this node',
  hint: 'raise the memory limit of the agents’ service; until then request them from the agent on the container’s own node',
}
