// A limit on how much is started at once, which hung work can't exhaust.

import pLimit from 'p-limit'
import type { Clock } from './clock.ts'

export interface Slots {
  /** Runs `work` once a slot is free. Its result or failure is the work's own. */
  <T>(work: () => Promise<T>): Promise<T>
  readonly running: number
  readonly waiting: number
}

/**
 * Work gives its slot back when it is done or after `patience`, whichever is first: what takes longer is
 * waiting for somebody else and costs this process next to nothing. So `size` bounds what is being worked
 * on, and even when everything hangs, `size` new things are started every `patience`.
 */
export function createSlots(clock: Clock, size: number, patience: number): Slots {
  const limit = pLimit(size)

  function inSlot<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      void limit(
        () =>
          new Promise<void>((release) => {
            const cancel = clock.after(patience, release)
            work()
              .then(resolve, reject)
              .finally(() => {
                cancel()
                release()
              })
          }),
      )
    })
  }

  return Object.defineProperties(inSlot, {
    running: { get: () => limit.activeCount },
    waiting: { get: () => limit.pendingCount },
  }) as Slots
}
