// All that this agent knows of the cluster, kept in memory. Each entry has one writer: its owner. Own entries are
// written by this node's discovery, prober and scraper, those of other nodes by sync; everybody reads.

import { isDeepStrictEqual } from 'node:util'
import { type Clock, untilNext } from '../clock.ts'
import type { Failure } from '../errors.ts'
import {
  type Change,
  type Entry,
  expectsAgent,
  isListedTask,
  isProtobufStreamId,
  type Mono,
  type NodeId,
  type NodeView,
  type Self,
  type Stoppable,
  type SwarmState,
  type WithAge,
} from '../model.ts'
import { createOwnEntries, type OwnWrites, type Versioned } from './own-entries.ts'
import { createPeerEntries, type PeerStore } from './peer-entries.ts'
import { createSwarmStates } from './swarm-states.ts'

/**
 * Guarantees: what is read is immutable, and complete in itself: a later write makes new objects. Every write that
 * changes anything is visible to readers, and reported to all listeners, before it returns. Nothing is read before the
 * first `identify`.
 */
export interface Store extends Stoppable, OwnWrites {
  /**
   * Who we are, and which nodes the local engine knows as managers of its Swarm: nobody else's swarm state is used.
   * The first of all calls; again when any of it changes.
   */
  identify(self: Self, managers?: ReadonlySet<NodeId>): void
  /** From this node's own Docker, as a manager. Again when nothing changed: it keeps the age low. */
  putSwarmState(swarmState: SwarmState, readAt?: Mono): void
  /** All targets of this node are listed and were probed once: peers may drop what our previous epoch had. */
  markComplete(): void

  /** The entry of every target of the cluster, own ones first; without further streams. */
  entries(): Iterable<Entry>
  /** Of a target, or of a stream. */
  entry(owner: NodeId, id: string): Entry | undefined
  /** Own node first, then by node id. */
  nodes(): readonly NodeView[]
  /** The newest that any manager sent that is still one of our Swarm. */
  swarmState(): WithAge<SwarmState> | undefined
  /** `listener` is called after each change, in order. One that throws doesn't keep others from being called. */
  subscribe(listener: (change: Change) => void): () => void
  /** The same, with the changes of streams. */
  subscribeToStreams(listener: (change: Change) => void): () => void

  /** For sync: what it sends to peers. */
  readonly ownNode: OwnNode
  /** For sync: where it writes what peers send. */
  readonly peers: PeerStore
  /**
   * For sync: a swarm state that a peer sent, read `age` milliseconds ago. Returns whether it comes from a manager; if
   * not, it is used once the local engine lists its sender as one.
   */
  putRemoteSwarmState(swarmState: SwarmState, from: NodeId, age: number): boolean
  /** For sync: what is wrong with this node, as its peers see it. */
  setOwnFailure(failure: Failure | undefined): void
}

export interface OwnNode {
  self(): Self
  entries(): Iterable<Versioned>
  entry(id: string): Versioned | undefined
  /** What this node read itself, as a manager. */
  swarmState(): WithAge<SwarmState> | undefined
  /** Whether `markComplete` was called. */
  isComplete(): boolean
}

interface StoreOptions {
  readonly clock: Clock
  readonly forgetAfterMs: number
  readonly version: string
  /** Whether PEERS or DNS gives an address of this node's agent. */
  readonly isAddressed?: (node: NodeId) => boolean
  readonly onListenerError?: (error: unknown) => void
  /** How much memory the pages of this node's targets may take. Default: no limit. */
  readonly maxOwnPageBytes?: number
  /** The same of all peers' pages. */
  readonly maxPeerPageBytes?: number
}

const sweepIntervalMs = 1000

export function createStore(options: StoreOptions): Store {
  const { clock, forgetAfterMs, version, isAddressed = () => false, onListenerError = raise } = options
  const startedAt = clock.now()
  const listeners = new Set<(change: Change) => void>()
  let self: Self | undefined
  let managers: ReadonlySet<NodeId> = new Set()
  let isComplete = false
  let ownFailure: Failure | undefined

  function notify(change: Change): void {
    for (const listener of listeners)
      try {
        listener(change)
      } catch (error) {
        onListenerError(error)
      }
  }

  function identity(): Self {
    if (!self) throw new Error('the store is used before identify')
    return self
  }

  const isManager = (node: NodeId) => (node === self?.node ? self.manager : managers.has(node))
  const swarmState = () => swarmStates.newest()?.value

  /** In a Swarm the managers decide; elsewhere an agent is expected where an address of it is configured. */
  function isExpected({ self: { node, swarm } }: NodeView): boolean | undefined {
    const state = swarm ? swarmState() : undefined
    if (!state) return isAddressed(node) || undefined
    const known = state.nodes.get(node)
    return known !== undefined && expectsAgent(known)
  }

  function isTask(node: NodeId, id: string): boolean | undefined {
    const state = swarmState()
    return state && isListedTask(state, node, id)
  }

  const own = createOwnEntries({
    ...{ clock, forgetAfterMs, notify, swarmState, owner: () => identity().node },
    maxPageBytes: options.maxOwnPageBytes ?? Number.POSITIVE_INFINITY,
  })
  const peers = createPeerEntries({
    ...{ clock, forgetAfterMs, notify, isTask, isExpected },
    maxPageBytes: options.maxPeerPageBytes ?? Number.POSITIVE_INFINITY,
    renamed: (from) => swarmStates.delete(from),
  })
  const swarmStates = createSwarmStates({
    ...{ clock, isManager },
    changed() {
      own.sweep()
      notify({ kind: 'swarmState' })
      peers.tasksListed()
    },
  })

  function subscribeToStreams(listener: (change: Change) => void): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  let cancelSweep = sweepLater()
  function sweepLater(): () => void {
    return clock.after(untilNext(sweepIntervalMs, clock.now()), () => {
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
      notify({ kind: 'nodes' })
      if (before?.node !== next.node) {
        peers.forget(next.node)
        if (before) own.changeOwner()
        swarmStates.changeNode(before?.node, next.node)
      }
      swarmStates.choose()
    },
    replaceTargets: own.replaceTargets,
    putProbeResult: own.putProbeResult,
    putSnapshot: own.putSnapshot,
    openStream: own.openStream,
    closeStream: own.closeStream,
    putSwarmState: (value, readAt = clock.now()) => swarmStates.put(value, identity().node, readAt),
    markComplete() {
      if (isComplete) return
      isComplete = true
      notify({ kind: 'nodes' })
    },
    *entries() {
      for (const { entry } of own.entries.values()) if (!isProtobufStreamId(entry.target.id)) yield entry
      for (const entry of peers.entries()) if (!isProtobufStreamId(entry.target.id)) yield entry
    },
    entry: (owner, id) => (owner === self?.node ? own.entries.get(id)?.entry : peers.entry(owner, id)),
    nodes() {
      const others = [...peers.views()].sort((a, b) => (a.self.node < b.self.node ? -1 : 1))
      if (!self) return others
      const failure = ownFailure && { failure: ownFailure }
      return [{ self, version, link: 'self', since: startedAt, ...failure }, ...others]
    },
    swarmState: swarmStates.newest,
    subscribe: (listener) => subscribeToStreams((change) => isOfStream(change) || listener(change)),
    subscribeToStreams,
    ownNode: {
      self: identity,
      entries: () => own.entries.values(),
      entry: (id) => own.entries.get(id),
      swarmState: () => swarmStates.of(identity().node),
      isComplete: () => isComplete,
    },
    peers,
    putRemoteSwarmState(value, from, age) {
      swarmStates.put(value, from, clock.now() - age)
      return isManager(from)
    },
    setOwnFailure(next) {
      if (isDeepStrictEqual(ownFailure, next)) return
      ownFailure = next
      notify({ kind: 'nodes' })
    },
    async stop() {
      cancelSweep()
      listeners.clear()
    },
  }
}

function isOfStream(change: Change): boolean {
  if (change.kind === 'entry') return isProtobufStreamId(change.entry.target.id)
  return change.kind === 'deleted' && isProtobufStreamId(change.id)
}

function raise(error: unknown): never {
  throw error
}
