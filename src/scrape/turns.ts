// Work that keeps the event loop busy for long, one piece after another: after each there is a pause as long as it took,
// so that half of the time is left for all else.

import type { Clock } from '../clock.ts'

/** What `work` throws, this rejects with. */
export type InTurn = <T>(work: () => T) => Promise<T>

export function createTurns(clock: Clock): InTurn {
  let free: Promise<void> = Promise.resolve()

  return async (work) => {
    const before = free
    const { promise, resolve } = Promise.withResolvers<void>()
    free = promise
    await before
    const started = clock.now()
    try {
      return work()
    } finally {
      clock.after(clock.now() - started, resolve)
    }
  }
}
