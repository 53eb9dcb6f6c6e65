// One link in use: the peer is sent what it hasn't got of the own side, and what it sends goes into the store.

import type { Clock } from '../clock.ts'
import { ProxyError, type Trouble } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Mono, Page, Self, Snapshot, SwarmState, ZstdFrame } from '../model.ts'
import type { Store } from '../store/store.ts'
import { type Calls, createCalls } from './calls.ts'
import { maxSyncBytes, pack, packAside, unpack, unpackAside } from './codec.ts'
import { createFeed } from './feed.ts'
import type { Link } from './link.ts'
import type { Hello, Listing, Message, PageMessage } from './messages.ts'
import type { Outgoing } from './outgoing.ts'

export interface Session {
  readonly link: Link
  readonly peer: Hello
  /** Who the peer is by what it sent last. */
  readonly self: () => Self
  /** The peer has sent all that it has. */
  readonly isComplete: () => boolean
  take(message: Message): void
  /** Something about this own target has changed. */
  mark(id: string): void
  /** Sends what is due, as far as the link takes it. */
  flush(): void
  tick(): void
  /** Says what is held here, so that everything else is sent. */
  begin(): void
  readonly refresh: Calls['ask']
  close(trouble: Trouble): void
}

/** What sync needs of the store. */
export type SyncStore = Pick<Store, 'own' | 'peers' | 'putRemoteSwarmState' | 'setOwnTrouble' | 'subscribe'>

export interface SessionContext {
  readonly link: Link
  readonly peer: Hello
  /** Who we are by our hello, which may be a while ago. */
  readonly sentSelf: Self
  readonly store: SyncStore
  readonly outgoing: Outgoing
  readonly clock: Clock
  readonly log: Log
  /** A page may be so large unpacked. */
  readonly maxBodyBytes: number
  readonly refreshOwn: (id: string, budget: number, signal: AbortSignal) => Promise<unknown>
  /** A page that follows the one before is visible, so long after its scrape. */
  readonly visible: (delay: number) => void
  /** The peer is another one than its hello said: another hostname, a manager. */
  readonly selfChanged: () => void
  /** The peer does something that it has no business with. */
  readonly report: (trouble: Trouble) => void
}

/** How often a manager says how old its swarm state is, when nothing else is to be said of it. */
const swarmIntervalMs = 10_000
/** A node that has just become a manager may say so before the local engine does. */
const promotionMs = 45_000
/** What a peer's page is kept in: more deltas would cost memory, fewer would cost time. */
const maxDeltasPart = 1 / 2
const maxDeltas = 8
/** More than so many wait for a large page to be repacked: it is asked for anew. */
const maxFrames = 4 * maxDeltas

export function createSession(context: SessionContext): Session {
  const { link, peer, store, outgoing, clock, log, report } = context
  const { own, peers } = store
  const { node } = peer.self
  const feed = createFeed({
    ...{ own, outgoing, clock },
    failed: (id, error) => log.internal(error, 'sync', { id }),
  })
  const calls = createCalls({
    clock,
    send: link.send,
    refreshOwn: context.refreshOwn,
    async flush(id) {
      await outgoing.settled(id)
      sendAll(feed.take(id))
      return feed.sent(id) || undefined
    },
    held: (id) => recordOf(id)?.snapshot?.number ?? 0,
  })
  let theirSelf = peer.self
  let [isComplete, isStarted, isCompleteSent, isClosed] = [false, false, false, false]
  let sentSelf = context.sentSelf
  let sentSwarmState: SwarmState | undefined
  let swarmStateSentAt = Number.NEGATIVE_INFINITY
  let theirSwarmState: SwarmState | undefined
  let unlistedSince: Mono | undefined
  const repacking = new Set<string>()

  const recordOf = (id: string) => peers.records(node).get(id)

  // ---- out

  function sendAll(messages: readonly Message[]): void {
    for (const message of messages) link.send(message)
  }

  function sendTargets(): void {
    for (let id = feed.due(); id !== undefined && link.isWritable(); id = feed.due()) sendAll(feed.take(id))
  }

  function sendComplete(): void {
    if (isCompleteSent || !isStarted || !own.isComplete() || feed.due() !== undefined) return
    isCompleteSent = true
    link.send({ kind: 'complete' })
  }

  function sendSelf(): void {
    if (sentSelf === own.self()) return
    sentSelf = own.self()
    link.send({ kind: 'self', self: sentSelf })
  }

  function sendSwarmState(): void {
    const given = own.self().manager ? own.swarmState() : undefined
    if (!given) return
    const { value, age } = given
    const isNew = value !== sentSwarmState
    if (!isNew && clock.now() - swarmStateSentAt < swarmIntervalMs) return
    sentSwarmState = value
    swarmStateSentAt = clock.now()
    link.send({ kind: 'swarm', age, ...(isNew && { swarmState: value }) })
  }

  function flush(): void {
    if (isClosed || !link.isWritable()) return
    sendSelf()
    sendSwarmState()
    if (isStarted) sendTargets()
    sendComplete()
  }

  // ---- in

  function takeListing({ number, generation, target, finding, endpoint, ended }: Listing): void {
    if (target.node !== node)
      throw new ProxyError('protocol', 'a peer listed a container that is not its own')
    const { age = 0, ...end } = ended ?? { removed: false }
    peers.update(node, target.id, {
      ...{ kind: 'listing', number },
      value: {
        ...{ generation, target, finding },
        ...(endpoint && { endpoint }),
        ...(ended && { ended: { ...end, at: clock.now() - age } }),
      },
    })
  }

  function takePage({
    id,
    number,
    age,
    durationMs,
    base,
    format,
    series,
    remarks,
    frames,
  }: PageMessage): void {
    const size = frames.at(-1)!.size
    const before = base === 0 ? [] : framesOf(id, base)
    if (frames.some((frame) => frame.size > context.maxBodyBytes))
      putSnapshot(id, number, { ...taken(age, durationMs), ok: false, trouble: tooLarge(size) })
    else if (!before) link.send({ kind: 'full', id })
    else {
      const content = { kind: 'zstd' as const, frames: [...before, ...frames] }
      const page = keep(id, { format, size, series, remarks, content })
      putSnapshot(id, number, { ...taken(age, durationMs), ok: true, page })
      if (base > 0) context.visible(age)
    }
  }

  /** What the page of this number is kept in, unless nothing can build on it. */
  function framesOf(id: string, number: number): readonly ZstdFrame[] | undefined {
    const page = recordOf(id)?.page
    if (page?.number !== number || page.value.content.kind !== 'zstd') return undefined
    const { frames } = page.value.content
    return frames.length <= maxFrames ? frames : undefined
  }

  const taken = (age: number, durationMs: number) => ({ at: clock.now() - age, durationMs })

  function putSnapshot(id: string, number: number, value: Snapshot): void {
    peers.update(node, id, { kind: 'snapshot', number, value })
    calls.received()
  }

  /** A full frame is looked at once, and so is a chain of deltas that has become long: it becomes a full one. */
  function keep(id: string, page: Page): Page {
    const { frames } = page.content as { readonly frames: readonly ZstdFrame[] }
    const isLarge = frames.some(({ size }) => size > maxSyncBytes)
    if (isLarge) {
      if (isLong(frames)) void repackAside(id, frames)
      return page
    }
    if (frames.length > 1 && !isLong(frames)) return page
    try {
      const body = unpack(frames)
      return frames.length === 1 ? page : { ...page, content: { kind: 'zstd', frames: [pack(body)] } }
    } catch (error) {
      peers.update(node, id, { kind: 'unusable' })
      throw error
    }
  }

  /** What has come since stays behind the new full frame. */
  async function repackAside(id: string, frames: readonly ZstdFrame[]): Promise<void> {
    if (repacking.has(id)) return
    repacking.add(id)
    try {
      const full = await packAside(await unpackAside(frames))
      const page = recordOf(id)?.page
      if (isClosed || page?.value.content.kind !== 'zstd') return
      const at = page.value.content.frames.indexOf(frames.at(-1)!)
      if (at < 0) return
      const content = { kind: 'zstd' as const, frames: [full, ...page.value.content.frames.slice(at + 1)] }
      peers.update(node, id, { kind: 'repacked', number: page.number, value: { ...page.value, content } })
    } catch (error) {
      if (isClosed) return
      peers.update(node, id, { kind: 'unusable' })
      link.end((error as Error).message)
    } finally {
      repacking.delete(id)
    }
  }

  function takeSwarmState(age: number, swarmState: SwarmState | undefined): void {
    theirSwarmState = swarmState ?? theirSwarmState
    if (!theirSwarmState) return
    if (store.putRemoteSwarmState(theirSwarmState, node, age)) unlistedSince = undefined
    else {
      unlistedSince ??= clock.now()
      if (!theirSelf.manager || clock.now() - unlistedSince >= promotionMs) report(notManager)
    }
  }

  function takeSelf(self: Self): void {
    if (self.node !== node) throw new ProxyError('protocol', 'a peer that became another node')
    theirSelf = self
    context.selfChanged()
  }

  return {
    link,
    peer,
    self: () => theirSelf,
    isComplete: () => isComplete,
    take(message) {
      switch (message.kind) {
        case 'digest':
          isStarted = true
          isCompleteSent = false
          sendAll(feed.start(message))
          return flush()
        case 'full':
          feed.full(message.id)
          return flush()
        case 'listing':
          return takeListing(message)
        case 'page':
          return takePage(message)
        case 'failure': {
          const { id, number, age, durationMs, trouble } = message
          return putSnapshot(id, number, { ...taken(age, durationMs), ok: false, trouble })
        }
        case 'gone':
          return peers.remove(node, message.id)
        case 'complete':
          isComplete = true
          return peers.complete(node)
        case 'swarm':
          return takeSwarmState(message.age, message.swarmState)
        case 'self':
          return takeSelf(message.self)
        case 'refresh':
          void calls.answer(message.call, message.id, message.budget)
          return
        case 'refreshed':
          return calls.settle(message)
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
      const { roundTrip } = link.stats()
      if (roundTrip !== undefined) peers.measured(node, roundTrip)
    },
    begin() {
      const records = [...peers.records(node)].flatMap(([id, { listing, snapshot, page }]) =>
        listing ? [[id, listing.number, snapshot?.number ?? 0, page?.number ?? 0] as const] : [],
      )
      link.send({ kind: 'digest', records })
      flush()
    },
    refresh: calls.ask,
    close(trouble) {
      isClosed = true
      calls.close(trouble)
    },
  }
}

function isLong([full, ...deltas]: readonly ZstdFrame[]): boolean {
  const bytes = deltas.reduce((sum, delta) => sum + delta.bytes.length, 0)
  return deltas.length > maxDeltas || bytes > full!.bytes.length * maxDeltasPart
}

function tooLarge(size: number): Trouble {
  return {
    code: 'too_large',
    reason: `the page has ${size} bytes, more than this agent’s MAX_BODY`,
    hint: 'give all agents the same MAX_BODY',
  }
}

const notManager: Trouble = {
  code: 'protocol',
  reason:
    'it sends swarm state, but Docker on this node does not list it as a manager; what it sends is ignored',
  hint: 'if it was not promoted just now, find out what runs there: it holds the secret of this cluster',
}
