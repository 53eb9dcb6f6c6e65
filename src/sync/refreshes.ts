// Refresh requests over one link, both ways. The reply names the snapshot that is the result; the request is done once
// that one, or a newer one, is stored here. A reply alone proves nothing.
//
// States of a request: sent -> replied -> done; or failed, by the reply, its timeout or the link's end.

import type { Clock } from '../clock.ts'
import { errorOf, type Failure, failureOf, ProxyError } from '../errors.ts'
import type { Mono } from '../model.ts'
import type { Message, Refreshed, RefreshMessage } from './messages.ts'

export interface Refreshes {
  /** Asks the peer for a live snapshot of one of its targets. Resolves once that one, or a newer one, is stored. */
  request(id: string, timeoutMs: number): Promise<void>
  /** The peer's request: scrapes if need be, and sends the snapshot and the reply. */
  serve(request: Omit<RefreshMessage, 'kind'>): Promise<void>
  /** The peer's reply. */
  replied(reply: Omit<Refreshed, 'kind'>): void
  /** A snapshot is stored: it may be the one that a reply has named. */
  snapshotStored(): void
  /** The link is gone: all requests fail. */
  close(failure: Failure): void
}

interface RefreshesDeps {
  readonly clock: Clock
  readonly send: (message: Message) => void
  /** Settles within the timeout. */
  readonly refreshOwn: (id: string, timeoutMs: number) => Promise<void>
  /** Sends what is due about an own target. Resolves with the number of the snapshot that the peer has then. */
  readonly flush: (id: string) => Promise<number | undefined>
  /** The number of a peer's snapshot that is stored here; 0: none. */
  readonly storedNumber: (id: string) => number
}

interface PendingRequest {
  readonly id: string
  readonly sentAt: Mono
  readonly timeoutMs: number
  /** The snapshot that the reply has named. */
  number?: number
  readonly result: PromiseWithResolvers<void>
}

/** Requests of several clients for one target share one that was sent so recently, so the owner's snapshot has to be younger. */
export const sharedMs = 5
/** Requests under way in each direction. */
const maxRequests = 2000
/** Kept back from a timeout for the way there and back. */
const roundTripReserveMs = 10

export function createRefreshes(deps: RefreshesDeps): Refreshes {
  const { clock, send, refreshOwn, flush, storedNumber } = deps
  const pending = new Map<number, PendingRequest>()
  /** By target. */
  const newest = new Map<string, PendingRequest>()
  let [last, serving] = [0, 0]
  let isClosed = false

  function finish({ id, number, result }: PendingRequest): void {
    if (number !== undefined && storedNumber(id) >= number) result.resolve()
  }

  /** What the reply to a scrape is: the snapshot that the peer has then, or why it has none. */
  async function flushed(id: string, leftMs: number): Promise<Pick<Refreshed, 'number' | 'failure'>> {
    const late = Promise.withResolvers<'late'>()
    const cancel = clock.after(Math.max(0, leftMs), () => late.resolve('late'))
    const number = await Promise.race([flush(id), late.promise]).finally(cancel)
    if (number === 'late') return { failure: notPacked }
    return number === undefined ? { failure: noSnapshot } : { number }
  }

  return {
    async request(id, timeoutMs) {
      const sentAt = clock.now()
      const known = newest.get(id)
      if (known && sentAt - known.sentAt <= sharedMs && Math.abs(known.timeoutMs - timeoutMs) <= sharedMs)
        return known.result.promise
      if (pending.size >= maxRequests) throw errorOf(tooMany)
      if (isClosed) throw new ProxyError('owner_lost', 'the link to the owner is gone')
      last += 1
      const call = last
      const request: PendingRequest = { id, sentAt, timeoutMs, result: Promise.withResolvers() }
      const cancel = clock.after(timeoutMs, () => request.result.reject(requestTimedOut(request)))
      pending.set(call, request)
      newest.set(id, request)
      send({ kind: 'refresh', call, id, timeoutMs: Math.max(0, timeoutMs - roundTripReserveMs) })
      try {
        await request.result.promise
      } finally {
        cancel()
        pending.delete(call)
        if (newest.get(id) === request) newest.delete(id)
      }
    },
    async serve({ call, id, timeoutMs }) {
      if (serving >= maxRequests) return send({ kind: 'refreshed', call, failure: tooMany })
      const deadline = clock.now() + timeoutMs
      serving += 1
      const failure = await refreshOwn(id, timeoutMs).then(() => undefined, failureOf)
      const reply = isClosed ? {} : await flushed(id, deadline - clock.now())
      serving -= 1
      if (!isClosed) send({ kind: 'refreshed', call, ...(failure ? { failure } : reply) })
    },
    replied({ call, failure, number }) {
      const request = pending.get(call)
      if (!request) return
      if (failure) request.result.reject(errorOf(failure))
      else if (number === undefined) request.result.reject(notArrived())
      else {
        request.number = number
        finish(request)
      }
    },
    snapshotStored() {
      for (const request of pending.values()) finish(request)
    },
    close({ reason }) {
      isClosed = true
      for (const { result } of pending.values()) result.reject(new ProxyError('owner_lost', reason))
    },
  }
}

function requestTimedOut({ number }: PendingRequest): ProxyError {
  return number === undefined
    ? new ProxyError('timeout', 'the owner’s agent did not respond in time')
    : notArrived()
}

/** The container was scraped, but the result is not here: as if its agent could not be reached. */
function notArrived(): ProxyError {
  return new ProxyError('owner_lost', 'what the owner’s agent has read did not arrive')
}

/** As above. */
const notPacked: Failure = {
  code: 'owner_lost',
  reason: 'what the owner’s agent has read could not be prepared in time',
}
/** Of one that has just moved, been started again or removed: the peer's entry is that of now. */
const noSnapshot: Failure = { code: 'searching', reason: 'not scraped yet' }
const tooMany: Failure = { code: 'overloaded', reason: 'too many refresh requests under way' }
