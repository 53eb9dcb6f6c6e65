// Refresh requests over one link, both ways. A budget travels as a duration; the reply comes after the new
// snapshot on the same ordered channel.

import { type Clock, deadline } from '../clock.ts'
import { ProxyError, type Trouble, troubleOf } from '../errors.ts'
import type { Message } from './messages.ts'

export interface Calls {
  /** Asks the peer to scrape one of its own now. Resolves once the new snapshot is in the store. */
  ask(id: string, budget: number, signal?: AbortSignal): Promise<void>
  /** The peer asks us. */
  answer(call: number, id: string, budget: number): void
  /** The peer's reply. */
  settle(call: number, trouble?: Trouble): void
  /** The link is gone: nobody waits for it. */
  close(trouble: Trouble): void
}

interface Context {
  readonly clock: Clock
  readonly send: (message: Message) => void
  readonly refreshOwn: (id: string, budget: number, signal: AbortSignal) => Promise<unknown>
  /** Sends what is due about an own target. */
  readonly flush: (id: string) => void
}

/** Calls under way in each direction. */
const mostCalls = 2000
/** Kept back from a budget for the way there and back. */
const wayBack = 10
/** A scrape ends by its own budget; this limit is for one that doesn't. */
const grace = 100

export function createCalls({ clock, send, refreshOwn, flush }: Context): Calls {
  const asked = new Map<number, { readonly done: () => void; readonly failed: (error: unknown) => void }>()
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
          asked.set(call, { done, failed })
          limit.addEventListener('abort', () => failed(signal?.aborted ? signal.reason : noAnswer()), {
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
      flush(id)
      send({ kind: 'refreshed', call, ...(trouble && { trouble }) })
    },
    settle(call, trouble) {
      const { done, failed } = asked.get(call) ?? {}
      if (trouble)
        failed?.(new ProxyError(trouble.code, trouble.reason, trouble.mend ? { mend: trouble.mend } : {}))
      else done?.()
    },
    close({ code, reason }) {
      closing.abort(new ProxyError(code, reason))
      for (const { failed } of [...asked.values()]) failed(new ProxyError('owner_lost', reason))
    },
  }
}

function noAnswer(): ProxyError {
  return new ProxyError('timeout', 'the owner’s agent gave no answer in time')
}

const timeUp: Trouble = { code: 'timeout', reason: 'the owner had no new snapshot in time' }
