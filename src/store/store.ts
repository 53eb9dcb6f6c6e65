// All that this agent knows of the cluster, kept in memory. Each entry has one writer: its owner. The own side
// is written by this node's rooms, the peers' side by sync; everybody reads.

import { isDeepStrictEqual } from 'node:util'
import { type Clock, untilNext } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import {
  type Catalogue,
  type Change,
  type Dated,
  type Entry,
  expectsAgent,
  type Finding,
  type Mono,
  type NodeId,
  type NodeView,
  type Part,
  type Self,
  type Snapshot,
  type Target,
  taskContainerDigits,
} from '../model.ts'
import { createOwnSide, type Versioned } from './own.ts'
import { createPeerSide, type PeerSide } from './peers.ts'
import { sharing } from './sharing.ts'

export interface Store extends Part {
  /**
   * Who we are, and which nodes the local engine knows as managers of its Swarm: nobody else's catalogue is used.
   * First of all calls; again when any of it changes.
   */
  identify(self: Self, managers?: ReadonlySet<NodeId>): void
  /** All of this node's targets. What isn't among them is gone, or has `ended` as long as it is missed. */
  replaceTargets(targets: readonly Target[]): void
  putFinding(id: string, finding: Finding): void
  /** A snapshot of a target that is gone meanwhile is dropped. */
  putSnapshot(id: string, snapshot: Snapshot): void
  /** From this node's own Docker, as a manager. Again when nothing changed: it keeps the age low. */
  putCatalogue(catalogue: Catalogue, readAt?: Mono): void
  /** The own side is complete: targets are listed and were probed once. What our former epoch had may go. */
  markWhole(): void

  /** Every entry of the cluster, own ones first. */
  entries(): Iterable<Entry>
  entry(owner: NodeId, id: string): Entry | undefined
  /** Own node first, then by node id. */
  nodes(): readonly NodeView[]
  /** The youngest that any manager gave that is still of its Swarm. */
  catalogue(): Dated<Catalogue> | undefined
  /** `listener` is called synchronously, in order, after each change. */
  subscribe(listener: (change: Change) => void): () => void

  /** For sync: what it tells peers of. */
  readonly own: Own
  /** For sync: where it writes what peers tell. */
  readonly peers: PeerSide
  /**
   * For sync: a catalogue that a peer sent, read `age` milliseconds ago. Returns whether it comes from a manager; if
   * not, it is only used once the local engine says that its sender has become one.
   */
  putRemoteCatalogue(catalogue: Catalogue, from: NodeId, age: number): boolean
  /** For sync: what is wrong with this node in the eyes of its peers. */
  accuseSelf(trouble: Trouble | undefined): void
}

export interface Own {
  self(): Self
  entries(): Iterable<Versioned>
  entry(id: string): Versioned | undefined
  /** What this node gave itself, as a manager. */
  catalogue(): Dated<Catalogue> | undefined
  /** Whether `markWhole` was called. */
  isWhole(): boolean
}

interface Options {
  readonly clock: Clock
  readonly forgetAfter: number
  readonly version: string
  /** Whether an agent of this node is to be found at an address that PEERS or DNS gives. */
  readonly isAddressed?: (node: NodeId) => boolean
  /** Receives what a listener throws; the others are called all the same. */
  readonly onListenerError?: (error: unknown) => void
  /** Where randomness comes from; a parameter so that a simulation can be repeated. */
  readonly randomBytes?: (size: number) => Buffer
}

interface At<T> {
  readonly value: T
  readonly at: Mono
  readonly from: NodeId
}

const sweepEvery = 1000
/** Managers say every few seconds that theirs still holds: one that is older by so much tells nothing. */
const outdated = 60_000

export function createStore(options: Options): Store {
  const { clock, forgetAfter, version, isAddressed = () => false, onListenerError = raise } = options
  const started = clock.now()
  const listeners = new Set<(change: Change) => void>()
  let self: Self | undefined
  let managers: ReadonlySet<NodeId> = new Set()
  let whole = false
  let trouble: Trouble | undefined
  /** By the node that gave it. */
  const catalogues = new Map<NodeId, At<Catalogue>>()
  let newest: At<Catalogue> | undefined

  const tell = (change: Change) => {
    for (const listener of listeners)
      try {
        listener(change)
      } catch (error) {
        onListenerError(error)
      }
  }
  const who = (): Self => {
    if (!self) throw new Error('the store is used before identify')
    return self
  }
  /** In a Swarm the managers decide; elsewhere an address that is still given is one at which an agent is missed. */
  function isExpected({ self: { node, swarm } }: NodeView): boolean | undefined {
    if (!swarm || !newest) return isAddressed(node) || undefined
    const known = newest.value.nodes.get(node)
    return known !== undefined && expectsAgent(known)
  }
  const own = createOwnSide({
    clock,
    forgetAfter,
    owner: () => who().node,
    catalogue: () => newest?.value,
    tell,
  })
  const peers = createPeerSide({
    ...{ clock, forgetAfter, tell, renamed: dropCatalogue, isExpected },
    isTask: (node, id) =>
      newest && (newest.value.containers.get(node) ?? []).includes(id.slice(0, taskContainerDigits)),
  })

  const dated = (given: At<Catalogue> | undefined): Dated<Catalogue> | undefined =>
    given && { value: given.value, age: Math.max(0, clock.now() - given.at), from: given.from }

  function putCatalogue(given: At<Catalogue>): void {
    const value = sharing(catalogues.get(given.from)?.value, given.value)
    catalogues.set(given.from, { ...given, value })
    chooseCatalogue()
  }

  /** The own node is one by what the engine says of itself. */
  const isManager = (node: NodeId) => node === self?.node || managers.has(node)

  /** That node is no longer the manager that it was. */
  function dropCatalogue(node: NodeId): void {
    if (catalogues.delete(node)) chooseCatalogue()
  }

  function chooseCatalogue(): void {
    const before = newest?.value
    const [first, ...others] = [...catalogues.values()].filter(({ from }) => isManager(from))
    const youngest = first && others.reduce((best, one) => (one.at >= best.at ? one : best), first)
    newest = youngest && { ...youngest, value: sharing(before, youngest.value) }
    for (const [node, { at }] of catalogues) if (newest && at < newest.at - outdated) catalogues.delete(node)
    if (newest?.value === before) return
    own.sweep()
    tell({ kind: 'catalogue' })
    peers.tasksListed()
  }

  let cancelSweep = sweepLater()
  function sweepLater(): () => void {
    return clock.after(untilNext(sweepEvery, clock.now()), () => {
      own.sweep()
      peers.sweep()
      cancelSweep = sweepLater()
    })
  }

  return {
    identify(next, nextManagers = new Set()) {
      if (isDeepStrictEqual([self, managers], [next, nextManagers])) return
      const before = self
      self = next
      managers = nextManagers
      tell({ kind: 'nodes' })
      if (before?.node !== next.node) peers.forget(next.node)
      if (before && before.node !== next.node) {
        own.rename()
        catalogues.delete(before.node)
      }
      chooseCatalogue()
    },
    replaceTargets: own.replaceTargets,
    putFinding: own.putFinding,
    putSnapshot: own.putSnapshot,
    putCatalogue(value, readAt = clock.now()) {
      putCatalogue({ value, at: readAt, from: who().node })
    },
    markWhole() {
      if (whole) return
      whole = true
      tell({ kind: 'nodes' })
    },
    *entries() {
      for (const { entry } of own.entries.values()) yield entry
      yield* peers.entries()
    },
    entry: (owner, id) => (owner === self?.node ? own.entries.get(id)?.entry : peers.entry(owner, id)),
    nodes() {
      const mine: NodeView[] = self
        ? [{ self, version, link: 'self', since: started, ...(trouble && { trouble }) }]
        : []
      return [...mine, ...[...peers.views()].sort((a, b) => (a.self.node < b.self.node ? -1 : 1))]
    },
    catalogue: () => dated(newest),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    own: {
      self: who,
      entries: () => own.entries.values(),
      entry: (id) => own.entries.get(id),
      catalogue: () => dated(catalogues.get(who().node)),
      isWhole: () => whole,
    },
    peers,
    putRemoteCatalogue(value, from, age) {
      putCatalogue({ value, from, at: clock.now() - age })
      return isManager(from)
    },
    accuseSelf(next) {
      if (isDeepStrictEqual(trouble, next)) return
      trouble = next
      tell({ kind: 'nodes' })
    },
    async stop() {
      cancelSweep()
      listeners.clear()
    },
  }
}

function raise(error: unknown): never {
  throw error
}
