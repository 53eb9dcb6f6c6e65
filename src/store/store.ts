// All that this agent knows of the cluster, kept in memory. Each entry has one writer: its owner. The own side
// is written by this node's rooms, the peers' side by sync; everybody reads.

import { isDeepStrictEqual } from 'node:util'
import { type Clock, untilNext } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import {
  type Change,
  type Dated,
  type Entry,
  expectsAgent,
  type Finding,
  type Mono,
  type NodeId,
  type NodeView,
  type Self,
  type Snapshot,
  type Stoppable,
  type SwarmState,
  type Target,
  taskContainerDigits,
} from '../model.ts'
import { createOwnSide, type Versioned } from './own.ts'
import { createPeerSide, type PeerSide } from './peers.ts'
import { sharing } from './sharing.ts'

export interface Store extends Stoppable {
  /**
   * Who we are, and which nodes the local engine knows as managers of its Swarm: nobody else's swarm state is used.
   * First of all calls; again when any of it changes.
   */
  identify(self: Self, managers?: ReadonlySet<NodeId>): void
  /** All of this node's targets. What isn't among them is gone, or has `ended` as long as it is missed. */
  replaceTargets(targets: readonly Target[]): void
  putFinding(id: string, finding: Finding): void
  /** A snapshot of a target that is gone meanwhile is dropped. */
  putSnapshot(id: string, snapshot: Snapshot): void
  /** From this node's own Docker, as a manager. Again when nothing changed: it keeps the age low. */
  putSwarmState(swarmState: SwarmState, readAt?: Mono): void
  /** The own side is complete: targets are listed and were probed once. What our former epoch had may go. */
  markWhole(): void

  /** Every entry of the cluster, own ones first. */
  entries(): Iterable<Entry>
  entry(owner: NodeId, id: string): Entry | undefined
  /** Own node first, then by node id. */
  nodes(): readonly NodeView[]
  /** The youngest that any manager gave that is still of its Swarm. */
  swarmState(): Dated<SwarmState> | undefined
  /** `listener` is called synchronously, in order, after each change. */
  subscribe(listener: (change: Change) => void): () => void

  /** For sync: what it tells peers of. */
  readonly own: Own
  /** For sync: where it writes what peers tell. */
  readonly peers: PeerSide
  /**
   * For sync: a swarm state that a peer sent, read `age` milliseconds ago. Returns whether it comes from a manager; if
   * not, it is only used once the local engine says that its sender has become one.
   */
  putRemoteSwarmState(swarmState: SwarmState, from: NodeId, age: number): boolean
  /** For sync: what is wrong with this node in the eyes of its peers. */
  accuseSelf(trouble: Trouble | undefined): void
}

export interface Own {
  self(): Self
  entries(): Iterable<Versioned>
  entry(id: string): Versioned | undefined
  /** What this node gave itself, as a manager. */
  swarmState(): Dated<SwarmState> | undefined
  /** Whether `markWhole` was called. */
  isWhole(): boolean
}

interface Options {
  readonly clock: Clock
  readonly forgetAfterMs: number
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
  const { clock, forgetAfterMs, version, isAddressed = () => false, onListenerError = raise } = options
  const started = clock.now()
  const listeners = new Set<(change: Change) => void>()
  let self: Self | undefined
  let managers: ReadonlySet<NodeId> = new Set()
  let whole = false
  let trouble: Trouble | undefined
  /** By the node that gave it. */
  const catalogues = new Map<NodeId, At<SwarmState>>()
  let newest: At<SwarmState> | undefined

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
    forgetAfterMs,
    owner: () => who().node,
    swarmState: () => newest?.value,
    tell,
  })
  const peers = createPeerSide({
    ...{ clock, forgetAfterMs, tell, renamed: dropSwarmState, isExpected },
    isTask: (node, id) =>
      newest && (newest.value.containers.get(node) ?? []).includes(id.slice(0, taskContainerDigits)),
  })

  const dated = (given: At<SwarmState> | undefined): Dated<SwarmState> | undefined =>
    given && { value: given.value, age: Math.max(0, clock.now() - given.at), from: given.from }

  function putSwarmState(given: At<SwarmState>): void {
    const value = sharing(catalogues.get(given.from)?.value, given.value)
    catalogues.set(given.from, { ...given, value })
    chooseSwarmState()
  }

  /** The own node is one by what the engine says of itself. */
  const isManager = (node: NodeId) => node === self?.node || managers.has(node)

  /** That node is no longer the manager that it was. */
  function dropSwarmState(node: NodeId): void {
    if (catalogues.delete(node)) chooseSwarmState()
  }

  function chooseSwarmState(): void {
    const before = newest?.value
    const [first, ...others] = [...catalogues.values()].filter(({ from }) => isManager(from))
    const youngest = first && others.reduce((best, one) => (one.at >= best.at ? one : best), first)
    newest = youngest && { ...youngest, value: sharing(before, youngest.value) }
    for (const [node, { at }] of catalogues) if (newest && at < newest.at - outdated) catalogues.delete(node)
    if (newest?.value === before) return
    own.sweep()
    tell({ kind: 'swarmState' })
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
      chooseSwarmState()
    },
    replaceTargets: own.replaceTargets,
    putFinding: own.putFinding,
    putSnapshot: own.putSnapshot,
    putSwarmState(value, readAt = clock.now()) {
      putSwarmState({ value, at: readAt, from: who().node })
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
    swarmState: () => dated(newest),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    own: {
      self: who,
      entries: () => own.entries.values(),
      entry: (id) => own.entries.get(id),
      swarmState: () => dated(catalogues.get(who().node)),
      isWhole: () => whole,
    },
    peers,
    putRemoteSwarmState(value, from, age) {
      putSwarmState({ value, from, at: clock.now() - age })
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
