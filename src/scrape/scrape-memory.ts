// The memory that one scrape may use. It reserves what the same page took the last time. If it needs more, and no more
// is free, it releases everything, waits for room for the largest page, and starts again: so nothing holds memory
// while it waits for more.

import type { Clock } from '../clock.ts'
import type { ByteBudget, Reservation } from '../runtime/byte-budget.ts'

export interface ScrapeMemory {
  /**
   * To be called before so many bytes are allocated, or with less than 0 for bytes released. Throws if they aren't free, or
   * the memory is revoked.
   */
  use(bytes: number): void
  /** Aborted, with the reason, if the memory has to be released at once. */
  readonly revoked: AbortSignal
}

/** More memory is needed than is free. */
export class NeedsMemory extends Error {}

interface MemoryNeeds {
  readonly owner: string
  /** What the same page took the last time. */
  readonly expectedBytes: number
  /** What any page may take. */
  readonly maxBytes: number
  readonly timeoutMs: number
}

/** What a page that wasn't read before is expected to need. */
const usualBytes = 128 * 1024

/** `scrape` receives its memory and the time that is left. The memory is released when it ends. */
export async function withMemory<T>(
  budget: ByteBudget,
  clock: Clock,
  { owner, expectedBytes, maxBytes, timeoutMs }: MemoryNeeds,
  scrape: (memory: ScrapeMemory, leftMs: number) => Promise<T>,
): Promise<T> {
  const deadline = clock.now() + timeoutMs
  const leftMs = () => Math.max(0, deadline - clock.now())
  async function attempt(bytes: number): Promise<T> {
    const revocation = new AbortController()
    const reservation = await budget.reserve({
      ...{ owner, bytes, timeoutMs: leftMs() },
      revoke: (error) => revocation.abort(error),
    })
    try {
      return await scrape(memoryOf(reservation, revocation.signal), leftMs())
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

function memoryOf(reservation: Reservation, revoked: AbortSignal): ScrapeMemory {
  let freeBytes = reservation.bytes
  return {
    revoked,
    use(bytes) {
      revoked.throwIfAborted()
      const missingBytes = bytes - freeBytes
      if (missingBytes > 0 && !reservation.extend(missingBytes)) throw new NeedsMemory()
      freeBytes = Math.max(0, freeBytes - bytes)
    },
  }
}
