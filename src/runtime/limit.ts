// A limit on how much work is begun at once, which hung work can't exhaust.

import pLimit from 'p-limit'
import type { Clock } from '../clock.ts'

export interface Limit {
  /** Begins `work` once there is room. Its result or failure is the work's own. */
  run<T>(work: () => Promise<T>): Promise<T>
  waiting(): number
}

/**
 * Work makes room when it is done or after `maxHoldMs`, whichever is first: what takes longer waits for somebody else
 * and costs this process next to nothing. So even when everything hangs, `size` pieces are begun every `maxHoldMs`.
 * How much hangs altogether is bounded by who calls: one piece per endpoint, each with a timeout of its own.
 */
export function createLimit(clock: Clock, size: number, maxHoldMs: number): Limit {
  const limit = pLimit(size)
  return {
    run: (work) =>
      new Promise((resolve) => {
        void limit(async () => {
          const result = work()
          resolve(result)
          await doneOrHeld(clock, result, maxHoldMs)
        })
      }),
    waiting: () => limit.pendingCount,
  }
}

function doneOrHeld(clock: Clock, work: Promise<unknown>, maxHoldMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(maxHoldMs, resolve)
    const done = () => {
      cancel()
      resolve()
    }
    work.then(done, done)
  })
}
