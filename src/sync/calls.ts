// Refresh requests over one link, both ways. A budget travels as a duration. The reply names the snapshot that the
// scrape brought; the request is done once that one, or a newer one, is held here. A reply alone proves nothing.

import { type Clock, deadline } from '../clock.ts'
import { errorOf, ProxyError, type Trouble, troubleOf } from '../errors.ts'
import type { Message, Refreshed } from './messages.ts'

export interface Calls {
  /** Asks the peer to scrape one of its own now. Resolves once the snapshot that this brought is in the store. */
  ask(id: string, budget: number, signal?: AbortSignal): Promise<void>
  /** The peer asks us. */
  answer(call: number, id: string, budget: number): void
  /** The peer's reply. */
  settle(reply: Omit<Refreshed, 'kind'>): void
  /** Something has come in: perhaps what a reply has named. */
  received(): void
  /** The link is gone: nobody waits for it. */
  close(trouble: Trouble): void
}

interface Context {
  readonly clock: Clock
  readonly send: (message: Message) => void
  readonly refreshOwn: (id: string, budget: number, signal: AbortSignal) => Promise<unknown>
  /** Sends what is due about an own target; returns which snapshot the peer has by then. */
  readonly flush: (id: string) => Refreshed['brought']
  /** Whether that snapshot of a peer's target, or a newer one, is held here. */
  readonly isHeld: (id: string, snapshot: NonNullable<Refreshed['brought']>) => boolean
}

interface Asked {
  readonly id: string
  /** What the reply has named. */
  awaited?: Refreshed['brought']
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/** Calls under way in each direction. */
const mostCalls = 2000
/** Kept back from a budget for the way there and back. */
const wayBack = 10
/** A scrape ends by its own budget; this limit is for one that doesn't. */
const grace = 100

export function createCalls({ clock, send, refreshOwn, flush, isHeld }: Context): Calls {
  const asked = new Map<number, Asked>()
  const closing = new AbortController()
  let last = 0
  let answering = 0

  async function scrape(id: string, budget: number): Promise<Trouble | undefined> {
    if (answering >= mostCalls) return { code: 'overloaded', reason: 'too many refresh requests under way' }
    answering += 1
    using limit = deadline(clock, budget + grace, closing.signal)
    try {
      await refreshOwn(id, budget, limit)
      return undefined
    } catch (error) {
      return limit.aborted ? timeUp : troubleOf(error)
    } finally {
      answering -= 1
    }
  }

  function finish({ id, awaited, done }: Asked): void {
    if (awaited && isHeld(id, awaited)) done()
  }

  return {
    async ask(id, budget, signal) {
      if (asked.size >= mostCalls) throw new ProxyError('overloaded', 'too many refresh requests under way')
      if (closing.signal.aborted) throw new ProxyError('owner_lost', 'the link to the owner is gone')
      last += 1
      const call = last
      using limit = deadline(clock, budget, signal)
      limit.throwIfAborted()
      try {
        await new Promise<void>((done, failed) => {
          const one: Asked = { id, done, failed }
          asked.set(call, one)
          limit.addEventListener('abort', () => failed(signal?.aborted ? signal.reason : tooLate(one)), {
            once: true,
          })
          send({ kind: 'refresh', call, id, budget: Math.max(0, budget - wayBack) })
        })
      } finally {
        asked.delete(call)
      }
    },
    async answer(call, id, budget) {
      const trouble = await scrape(id, budget)
      if (closing.signal.aborted) return
      const brought = flush(id)
      if (trouble) send({ kind: 'refreshed', call, trouble })
      else if (brought) send({ kind: 'refreshed', call, brought })
      else send({ kind: 'refreshed', call, trouble: removed })
    },
    settle({ call, trouble, brought }) {
      const one = asked.get(call)
      if (!one) return
      if (trouble) one.failed(errorOf(trouble))
      else if (brought) {
        one.awaited = brought
        finish(one)
      } else one.failed(notHere())
    },
    received() {
      for (const one of asked.values()) finish(one)
    },
    close({ code, reason }) {
      closing.abort(new ProxyError(code, reason))
      for (const { failed } of [...asked.values()]) failed(new ProxyError('owner_lost', reason))
    },
  }
}

function tooLate({ awaited }: Asked): ProxyError {
  return awaited ? notHere() : new ProxyError('timeout', 'the owner’s agent gave no answer in time')
}

/** The container was read, but nobody here knows what it said: as if its agent couldn't be asked. */
function notHere(): ProxyError {
  return new ProxyError('owner_lost', 'what the owner’s agent has read did not arrive')
}

const timeUp: Trouble = { code: 'timeout', reason: 'the owner had no new snapshot in time' }
const removed: Trouble = { code: 'stopped', reason: 'the container was removed' }
