// One accepted link at work: what the peer lacks goes out, what it tells comes in.

import type { Clock } from '../clock.ts'
import { ProxyError, type Trouble } from '../errors.ts'
import type { Catalogue, Mono } from '../model.ts'
import type { Log } from '../telemetry.ts'
import { type Calls, createCalls } from './calls.ts'
import { createFeed } from './feed.ts'
import type { Intake } from './intake.ts'
import type { Link } from './link.ts'
import type { Hello, Message } from './messages.ts'
import type { SyncStore } from './needs.ts'
import type { Versions } from './versions.ts'

export interface Session {
  readonly link: Link
  readonly peer: Hello
  /** Who the peer is by what it said last. */
  readonly self: () => Hello['self']
  readonly since: Mono
  /** The peer has told all that it has. */
  readonly isWhole: () => boolean
  take(message: Message): void
  /** Something about this own target has changed. */
  mark(id: string): void
  /** Sends what is due, as far as the link takes it. */
  flush(): void
  tick(): void
  /** Says what we hold, so that everything else is told. */
  ask(): void
  readonly refresh: Calls['ask']
  close(trouble: Trouble): void
}

interface Context {
  readonly link: Link
  readonly peer: Hello
  readonly intake: Intake
  readonly store: SyncStore
  readonly versions: Versions
  readonly clock: Clock
  readonly log: Log
  readonly refreshOwn: (id: string, budget: number, signal: AbortSignal) => Promise<unknown>
  /** Whether what this peer says is believed: another one may claim to be the same node. */
  readonly isBelieved: () => boolean
}

const twoClaims: Trouble = { code: 'owner_lost', reason: 'two agents claim to be this node' }

/** How often a manager says how old its catalogue is, when nothing else is to be said of it. */
const catalogueEvery = 10_000

export function createSession(context: Context): Session {
  const { link, peer, intake, store, versions, clock, log, isBelieved } = context
  const { own } = store
  const { epoch, self } = peer
  const feed = createFeed({
    ...{ own, versions, clock },
    failed: (id, error) => log.error({ err: error, id }, 'metrics could not be prepared for a peer'),
  })
  const calls = createCalls({
    clock,
    send: link.send,
    refreshOwn: context.refreshOwn,
    flush(id) {
      sendAll(feed.take(id))
      const number = own.entry(id)?.page
      return number ? { epoch: own.epoch, number } : undefined
    },
    isHeld: (id, snapshot) => snapshot.epoch === epoch && intake.snapshotOf(epoch, id) >= snapshot.number,
  })
  let theirSelf = self
  let whole = false
  let started = false
  let wholeTold = false
  let toldSelf = own.self()
  let toldCatalogue: Catalogue | undefined
  let catalogueAt = Number.NEGATIVE_INFINITY
  let theirCatalogue: Catalogue | undefined

  function sendAll(messages: readonly Message[]): void {
    for (const message of messages) link.send(message)
  }

  function sendTargets(): void {
    for (let id = feed.due(); id !== undefined && link.isWritable(); id = feed.due()) sendAll(feed.take(id))
  }

  function sendWhole(): void {
    if (wholeTold || !started || !own.isWhole() || feed.due() !== undefined) return
    wholeTold = true
    link.send({ kind: 'whole' })
  }

  function sendSelf(): void {
    if (toldSelf === own.self()) return
    toldSelf = own.self()
    link.send({ kind: 'self', self: toldSelf })
  }

  function sendCatalogue(): void {
    const given = own.self().manager ? own.catalogue() : undefined
    if (!given) return
    const { value, age } = given
    const isNew = value !== toldCatalogue
    if (!isNew && clock.now() - catalogueAt < catalogueEvery) return
    toldCatalogue = value
    catalogueAt = clock.now()
    link.send({ kind: 'catalogue', age, ...(isNew && { catalogue: value }) })
  }

  function takeCatalogue(age: number, catalogue: Catalogue | undefined): void {
    theirCatalogue = catalogue ?? theirCatalogue
    if (theirCatalogue && isBelieved()) store.putRemoteCatalogue(theirCatalogue, self.node, age)
  }

  function takeSelf(next: Hello['self']): void {
    if (next.node !== self.node) throw new ProxyError('protocol', 'a peer that became another node')
    theirSelf = next
    if (isBelieved()) store.peers.up({ ...peer, self: next })
  }

  function takeTelling(message: Message): void {
    if (!isBelieved()) return
    const reply = intake.take(epoch, message)
    if (reply) link.send(reply)
    if (message.kind === 'whole') whole = true
    calls.received()
  }

  function flush(): void {
    if (!link.isWritable()) return
    sendSelf()
    sendCatalogue()
    if (started) sendTargets()
    sendWhole()
  }

  return {
    link,
    peer,
    self: () => theirSelf,
    since: clock.now(),
    isWhole: () => whole,
    take(message) {
      switch (message.kind) {
        case 'digest':
          started = true
          wholeTold = false
          sendAll(feed.start(message))
          return flush()
        case 'lacks':
          feed.lacks(message.born)
          return flush()
        case 'refresh':
          void calls.answer(message.call, message.id, message.budget)
          return
        case 'refreshed':
          return calls.settle(isBelieved() ? message : { call: message.call, trouble: twoClaims })
        case 'catalogue':
          return takeCatalogue(message.age, message.catalogue)
        case 'self':
          return takeSelf(message.self)
        case 'listing':
        case 'page':
        case 'failure':
        case 'gone':
        case 'whole':
          return takeTelling(message)
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
      if (roundTrip !== undefined && isBelieved()) store.peers.measured(self.node, roundTrip)
    },
    ask() {
      whole = false
      link.send(intake.digest(epoch))
    },
    refresh(id, budget, signal) {
      if (!isBelieved()) return Promise.reject(new ProxyError(twoClaims.code, twoClaims.reason))
      return calls.ask(id, budget, signal)
    },
    close: calls.close,
  }
}
