// How much memory a scrape may use. It begins with what the page took the last time. Who needs more than that, and finds
// no more free, gives everything back, waits for room for the largest page, and reads anew: so nobody holds memory
// while waiting for more.

import type { Clock } from '../clock.ts'
import type { ProxyError } from '../errors.ts'
import type { ByteBudget, Reservation } from '../runtime/byte-budget.ts'

/** The memory that one scrape may use. */
export interface ScrapeMemory {
  /** Called before so many bytes are taken, or with less than 0 for what is given back. Throws where it may not. */
  use(bytes: number): void
  /** Calls back once the memory has to be given back at once. */
  onGiveUp(callback: (error: ProxyError) => void): void
}

/** More memory is needed than is free at this moment. */
export class NeedsMemory extends Error {}

export interface Attempt {
  readonly owner: string
  /** What the same page took the last time. */
  readonly expectedBytes: number
  /** What any page may take. */
  readonly maxBytes: number
  readonly timeoutMs: number
}

/** A page that wasn't read before is taken to need no more than this. */
const usualBytes = 128 * 1024

/** `scrape` gets its memory and the milliseconds that are left; the memory is given back when it has ended. */
export async function withMemory<T>(
  budget: ByteBudget,
  clock: Clock,
  { owner, expectedBytes, maxBytes, timeoutMs }: Attempt,
  scrape: (memory: ScrapeMemory, leftMs: number) => Promise<T>,
): Promise<T> {
  const until = clock.now() + timeoutMs
  const leftMs = () => Math.max(0, until - clock.now())
  async function attempt(bytes: number): Promise<T> {
    let giveUp: (error: ProxyError) => void = () => {}
    const reservation = await budget.reserve({
      ...{ owner, bytes, timeoutMs: leftMs() },
      giveUp: (error) => giveUp(error),
    })
    try {
      const onGiveUp: ScrapeMemory['onGiveUp'] = (callback) => {
        giveUp = callback
      }
      return await scrape({ use: user(reservation), onGiveUp }, leftMs())
    } finally {
      reservation.release()
    }
  }

  try {
    return await attempt(Math.min(maxBytes, Math.max(usualBytes, expectedBytes)))
  } catch (error) {
    if (!(error instanceof NeedsMemory)) throw error
    return attempt(maxBytes)
  }
}

function user(reservation: Reservation): ScrapeMemory['use'] {
  let free = reservation.bytes
  return (bytes) => {
    const missing = bytes - free
    if (missing > 0 && !reservation.extend(missing)) throw new NeedsMemory()
    free = Math.max(0, free - bytes)
  }
}
