// A limit on how much work is started at once, which work that hangs cannot exhaust.

import pLimit from 'p-limit'
import type { Clock } from '../clock.ts'

interface StartLimit {
  /** Starts `work` once a slot is free. Resolves or rejects as the work itself does. */
  run<T>(work: () => Promise<T>): Promise<T>
  waiting(): number
}

const maxSlots = 128
/** Most work is done by then; the rest only waits for its container. */
const maxSlotTimeMs = 100

/**
 * Work frees its slot when it is done, or after `slotTimeoutMs`: by then it only waits for another process, which costs
 * this one next to nothing. So even if everything hangs, `slots` pieces of work are started every `slotTimeoutMs`. How
 * many hang altogether is bounded by the caller: one per endpoint, each with its own timeout.
 */
export function createStartLimit(clock: Clock, slots = maxSlots, slotTimeoutMs = maxSlotTimeMs): StartLimit {
  const limit = pLimit(slots)
  return {
    run: (work) =>
      new Promise((resolve) => {
        void limit(async () => {
          const result = work()
          resolve(result)
          await doneOrTimedOut(clock, result, slotTimeoutMs)
        })
      }),
    waiting: () => limit.pendingCount,
  }
}

function doneOrTimedOut(clock: Clock, work: Promise<unknown>, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(timeoutMs, resolve)
    const done = () => {
      cancel()
      resolve()
    }
    work.then(done, done)
  })
}
