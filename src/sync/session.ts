// One link in use: the peer is sent what it hasn't got of the own side, and what it sends goes into the store.
//
// States, each way: begun -> digest received -> all sent (`complete`) -> closed. Before the digest no target is sent.

import type { LimitFunction } from 'p-limit'
import type { Clock } from '../clock.ts'
import { type Failure, ProxyError } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Mono, Self, Snapshot, SwarmState } from '../model.ts'
import type { Store } from '../store/store.ts'
import { createFeed } from './feed.ts'
import type { Link } from './link.ts'
import type { FailureMessage, Hello, ListingMessage, Message, PageMessage } from './messages.ts'
import { createPageAssembler } from './page-assembler.ts'
import type { PagePacker } from './page-packer.ts'
import { createRefreshes, type Refreshes } from './refreshes.ts'

export interface Session {
  readonly link: Link
  readonly peer: Hello
  /** Who the peer is by what it sent last. */
  readonly self: () => Self
  /** The peer has sent all that it has. */
  readonly isComplete: () => boolean
  /** Sends the digest of what is stored here, so that everything else is sent. */
  begin(): void
  handle(message: Message): void
  /** Something about this own target has changed. */
  mark(id: string): void
  /** Sends what is due, as far as the link takes it. */
  flush(): void
  tick(): void
  readonly refresh: Refreshes['request']
  close(failure: Failure): void
}

/** What sync needs of the store. */
export type SyncStore = Pick<
  Store,
  'ownNode' | 'peers' | 'putRemoteSwarmState' | 'setOwnFailure' | 'subscribeToStreams'
>

export interface SessionDeps {
  readonly link: Link
  readonly peer: Hello
  readonly store: SyncStore
  readonly packer: PagePacker
  readonly clock: Clock
  readonly log: Log
  /** The largest page that is taken, unpacked. */
  readonly maxBodyBytes: number
  readonly repackLimit: LimitFunction
  readonly refreshOwn: (id: string, timeoutMs: number) => Promise<void>
  /** A page that follows the one before is visible, so long after its scrape. */
  readonly onPageVisible: (delayMs: number) => void
  /** The peer is another one than its hello said: another hostname, a manager. */
  readonly selfChanged: () => void
  /** The peer sends what it has no right to. */
  readonly report: (failure: Failure) => void
  /** The engine's list of managers may be out of date. */
  readonly rereadManagers: () => void
}

/** How often a manager sends how old its swarm state is, when nothing else has changed. */
const swarmIntervalMs = 10_000
/** A node that has just become a manager may send swarm state before the local engine lists it. */
const promotionMs = 45_000

export function createSession(deps: SessionDeps): Session {
  const { link, peer, store, packer, clock, log } = deps
  const { ownNode, peers } = store
  const { node } = peer.self
  const feed = createFeed({
    ...{ ownNode, packer, clock },
    failed: (id, error) => log.internal(error, 'sync', { id }),
  })
  const assembler = createPageAssembler({ ...deps, node, peers })
  const refreshes = createRefreshes({
    clock,
    send: link.send,
    refreshOwn: deps.refreshOwn,
    async flush(id) {
      // the peer may need the page in full, which is packed only then
      do {
        await packer.idle(id)
        sendAll(feed.next(id))
      } while (packer.isPacking(id))
      return feed.sent(id) || undefined
    },
    storedNumber: (id) => peers.records(node).get(id)?.snapshot?.number ?? 0,
  })
  let theirSelf = peer.self
  let [isComplete, isStarted, isCompleteSent, isClosed] = [false, false, false, false]
  /** Sent again at the beginning: the hello may be a while ago. */
  let sentSelf: Self | undefined
  let sentSwarmState: SwarmState | undefined
  let swarmStateSentAt = Number.NEGATIVE_INFINITY
  let theirSwarmState: SwarmState | undefined
  /** Since when their swarm state is refused. */
  let refusedSince: Mono | undefined

  // ---- out

  function sendAll(messages: readonly Message[]): void {
    for (const message of messages) link.send(message)
  }

  function sendTargets(): void {
    for (let id = feed.due(); id !== undefined && link.isWritable(); id = feed.due()) sendAll(feed.next(id))
  }

  function sendComplete(): void {
    if (isCompleteSent || !isStarted || !ownNode.isComplete() || feed.due() !== undefined) return
    isCompleteSent = true
    link.send({ kind: 'complete' })
  }

  function sendSelf(): void {
    if (sentSelf === ownNode.self()) return
    sentSelf = ownNode.self()
    link.send({ kind: 'self', self: sentSelf })
  }

  function sendSwarmState(): void {
    const given = ownNode.self().manager ? ownNode.swarmState() : undefined
    if (!given) return
    const { value, ageMs } = given
    const isNew = value !== sentSwarmState
    if (!isNew && clock.now() - swarmStateSentAt < swarmIntervalMs) return
    sentSwarmState = value
    swarmStateSentAt = clock.now()
    link.send({ kind: 'swarm', ageMs, ...(isNew && { swarmState: value }) })
  }

  function flush(): void {
    if (isClosed || !link.isWritable()) return
    sendSelf()
    sendSwarmState()
    if (isStarted) sendTargets()
    sendComplete()
  }

  // ---- in

  function handleListing({ number, generation, target, probeResult, endpoint, ended }: ListingMessage): void {
    if (target.node !== node)
      throw new ProxyError('protocol', 'a peer listed a container that is not its own')
    const { ageMs = 0, ...end } = ended ?? { removed: false }
    peers.update(node, target.id, {
      ...{ kind: 'listing', number },
      value: {
        ...{ generation, target, probeResult },
        ...(endpoint && { endpoint }),
        ...(ended && { ended: { ...end, at: clock.now() - ageMs } }),
      },
    })
  }

  function handlePage(message: PageMessage): void {
    const snapshot = assembler.assemble(message)
    if (!snapshot) return
    putSnapshot(message, snapshot)
    if (snapshot.ok && message.base > 0) deps.onPageVisible(message.ageMs)
  }

  function handleFailure(message: FailureMessage): void {
    const { ageMs, durationMs, failure } = message
    putSnapshot(message, { at: clock.now() - ageMs, durationMs, ok: false, failure })
  }

  function putSnapshot({ id, number }: PageMessage | FailureMessage, value: Snapshot): void {
    peers.update(node, id, { kind: 'snapshot', number, value })
    refreshes.snapshotStored()
  }

  function handleSwarmState(ageMs: number, swarmState: SwarmState | undefined): void {
    theirSwarmState = swarmState ?? theirSwarmState
    if (!theirSwarmState) return
    if (store.putRemoteSwarmState(theirSwarmState, node, ageMs)) refusedSince = undefined
    else {
      refusedSince ??= clock.now()
      if (isMaybePromoted(refusedSince)) deps.rereadManagers()
      else deps.report(notManager)
    }
  }

  const isMaybePromoted = (since: Mono) => theirSelf.manager && clock.now() - since < promotionMs

  function handleSelf(self: Self): void {
    if (self.node !== node) throw new ProxyError('protocol', 'a peer that became another node')
    theirSelf = self
    deps.selfChanged()
  }

  return {
    link,
    peer,
    self: () => theirSelf,
    isComplete: () => isComplete,
    begin() {
      const records = [...peers.records(node)].flatMap(([id, { listing, snapshot, page }]) =>
        listing ? [[id, listing.number, snapshot?.number ?? 0, page?.number ?? 0] as const] : [],
      )
      link.send({ kind: 'digest', records })
      flush()
    },
    handle(message) {
      switch (message.kind) {
        case 'digest':
          isStarted = true
          isCompleteSent = false
          if (feed.isForeign(message)) deps.report(runsTwice)
          sendAll(feed.start(message))
          return flush()
        case 'resend':
          feed.resend(message.id)
          return flush()
        case 'listing':
          return handleListing(message)
        case 'page':
          return handlePage(message)
        case 'failure':
          return handleFailure(message)
        case 'deleted':
          return peers.delete(node, message.id)
        case 'complete':
          isComplete = true
          return peers.complete(node)
        case 'swarm':
          return handleSwarmState(message.ageMs, message.swarmState)
        case 'self':
          return handleSelf(message.self)
        case 'refresh':
          void refreshes.serve(message)
          return
        case 'refreshed':
          return refreshes.replied(message)
        case 'unknown':
          return
        default:
          throw new ProxyError('protocol', `a message that doesn’t belong here (${message.kind})`)
      }
    },
    mark: feed.mark,
    flush,
    tick() {
      flush()
      if (refusedSince !== undefined && isMaybePromoted(refusedSince)) deps.rereadManagers()
      const { roundTripMs } = link.stats()
      if (roundTripMs !== undefined) peers.setRoundTrip(node, roundTripMs)
    },
    refresh: refreshes.request,
    close(failure) {
      isClosed = true
      assembler.close()
      refreshes.close(failure)
    },
  }
}

/** Peers can't tell two processes with one private key apart; each of the two learns it from what the other one sent. */
const runsTwice: Failure = {
  code: 'owner_lost',
  reason:
    'it has metrics of this node that this agent did not send: this agent was restored from a snapshot of its machine, or a copy of it runs',
  hint: 'if a copy of this machine runs, give it an id of its own, and restart both agents; if this machine was not restored either, find out what runs there: it holds the secret of this cluster',
}

const notManager: Failure = {
  code: 'protocol',
  reason:
    'it sends swarm state, but Docker on this node does not list it as a manager; what it sends is ignored',
  hint: 'if it was not promoted just now, find out what runs there: it holds the secret of this cluster',
}
