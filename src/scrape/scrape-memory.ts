// The memory that one scrape may use. It reserves what the same page took the last time. If it needs more, and no more
// is free, it releases everything, waits for room for the largest page, and starts again: so nothing holds memory
// while it waits for more.

import type { Clock } from '../clock.ts'
import type { ProxyError } from '../errors.ts'
import type { ByteBudget, Reservation } from '../runtime/byte-budget.ts'

export interface ScrapeMemory {
  /** To be called before so many bytes are allocated, or with less than 0 for bytes released. Throws if they aren't free. */
  use(bytes: number): void
  /** Calls back if the memory has to be released at once. */
  onRevoked(callback: (error: ProxyError) => void): void
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
    let revoke: (error: ProxyError) => void = () => {}
    const reservation = await budget.reserve({
      ...{ owner, bytes, timeoutMs: leftMs() },
      revoke: (error) => revoke(error),
    })
    try {
      const onRevoked: ScrapeMemory['onRevoked'] = (callback) => {
        revoke = callback
      }
      return await scrape({ use: useOf(reservation), onRevoked }, leftMs())
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

function useOf(reservation: Reservation): ScrapeMemory['use'] {
  let freeBytes = reservation.bytes
  return (bytes) => {
    const missingBytes = bytes - freeBytes
    if (missingBytes > 0 && !reservation.extend(missingBytes)) throw new NeedsMemory()
    freeBytes = Math.max(0, freeBytes - bytes)
  }
}
