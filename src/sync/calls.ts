// Refresh requests over one link, both ways. A budget travels as a duration. The reply names the snapshot that is the
// result; the request is done once that one, or a newer one, is held here. A reply alone proves nothing.

import { type Clock, deadline } from '../clock.ts'
import { errorOf, ProxyError, type Trouble, troubleOf } from '../errors.ts'
import type { Message, Refreshed } from './messages.ts'

export interface Calls {
  /** Asks the peer to scrape one of its own now. Resolves once the snapshot that this brought is in the store. */
  ask(id: string, budget: number, signal?: AbortSignal): Promise<void>
  /** The peer asks us. */
  answer(call: number, id: string, budget: number): Promise<void>
  /** The peer's reply. */
  settle(reply: Omit<Refreshed, 'kind'>): void
  /** A snapshot has come in: perhaps the one that a reply has named. */
  received(): void
  /** The link is gone: nobody waits for it. */
  close(trouble: Trouble): void
}

interface Context {
  readonly clock: Clock
  readonly send: (message: Message) => void
  readonly refreshOwn: (id: string, budget: number, signal: AbortSignal) => Promise<unknown>
  /** Sends what is due about an own target; resolves with the number of its snapshot, which the peer has then. */
  readonly flush: (id: string) => Promise<number | undefined>
  /** The number of a peer's snapshot that is held here; 0: none. */
  readonly held: (id: string) => number
}

interface Call {
  readonly id: string
  /** The snapshot that the reply has named. */
  awaited?: number
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/** Calls under way in each direction. */
const maxCalls = 2000
/** Kept back from a budget for the way there and back. */
const wayBackMs = 10
/** A scrape ends by its own budget; this limit is for one that doesn't. */
const scrapeGraceMs = 100

export function createCalls({ clock, send, refreshOwn, flush, held }: Context): Calls {
  const calls = new Map<number, Call>()
  const closing = new AbortController()
  let last = 0
  let answering = 0

  async function scrape(id: string, budget: number): Promise<Trouble | undefined> {
    using limit = deadline(clock, budget + scrapeGraceMs, closing.signal)
    try {
      await refreshOwn(id, budget, limit)
      return undefined
    } catch (error) {
      return limit.aborted ? timeUp : troubleOf(error)
    }
  }

  function finish({ id, awaited, done }: Call): void {
    if (awaited !== undefined && held(id) >= awaited) done()
  }

  return {
    async ask(id, budget, signal) {
      if (calls.size >= maxCalls) throw new ProxyError('overloaded', 'too many refresh requests under way')
      if (closing.signal.aborted) throw new ProxyError('owner_lost', 'the link to the owner is gone')
      last += 1
      const number = last
      using limit = deadline(clock, budget, signal)
      limit.throwIfAborted()
      try {
        await new Promise<void>((done, failed) => {
          const call: Call = { id, done, failed }
          calls.set(number, call)
          limit.addEventListener('abort', () => failed(signal?.aborted ? signal.reason : tooLate(call)), {
            once: true,
          })
          send({ kind: 'refresh', call: number, id, budget: Math.max(0, budget - wayBackMs) })
        })
      } finally {
        calls.delete(number)
      }
    },
    async answer(call, id, budget) {
      if (answering >= maxCalls) return send({ kind: 'refreshed', call, trouble: tooMany })
      answering += 1
      const trouble = await scrape(id, budget)
      const number = closing.signal.aborted ? 0 : await flush(id)
      answering -= 1
      if (closing.signal.aborted) return
      if (trouble) send({ kind: 'refreshed', call, trouble })
      else send({ kind: 'refreshed', call, ...(number ? { number } : { trouble: removed }) })
    },
    settle({ call: number, trouble, number: awaited }) {
      const call = calls.get(number)
      if (!call) return
      if (trouble) call.failed(errorOf(trouble))
      else if (awaited === undefined) call.failed(notHere())
      else {
        call.awaited = awaited
        finish(call)
      }
    },
    received() {
      for (const call of calls.values()) finish(call)
    },
    close({ code, reason }) {
      closing.abort(new ProxyError(code, reason))
      for (const { failed } of [...calls.values()]) failed(new ProxyError('owner_lost', reason))
    },
  }
}

function tooLate({ awaited }: Call): ProxyError {
  return awaited === undefined
    ? new ProxyError('timeout', 'the owner’s agent gave no answer in time')
    : notHere()
}

/** The container was read, but nobody here knows the result: as if its agent couldn't be asked. */
function notHere(): ProxyError {
  return new ProxyError('owner_lost', 'what the owner’s agent has read did not arrive')
}

const timeUp: Trouble = { code: 'timeout', reason: 'the owner had no new snapshot in time' }
const removed: Trouble = { code: 'stopped', reason: 'the container was removed' }
const tooMany: Trouble = { code: 'overloaded', reason: 'too many refresh requests under way' }
