// Virtual time: nothing waits, everything happens in the order in which it would.

import type { Clock } from '../../src/clock.ts'

export interface VirtualClock extends Clock {
  /** Lets `ms` pass: every timer due is called, at its own time; promises settle in between. */
  pass(ms: number): Promise<void>
  /** The same without letting promises settle: for code that is synchronous throughout. */
  passSync(ms: number): void
}

interface Timer {
  readonly at: number
  readonly order: number
  readonly callback: () => void
}

export function virtualClock(start = 1_000_000): VirtualClock {
  let now = start
  let order = 0
  const timers = new Set<Timer>()

  function after(ms: number, callback: () => void): () => void {
    order += 1
    const timer = { at: now + Math.max(0, ms), order, callback }
    timers.add(timer)
    return () => timers.delete(timer)
  }

  function next(until: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of timers)
      if (
        timer.at <= until &&
        (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
      )
        first = timer
    return first
  }

  function fire(timer: Timer): void {
    timers.delete(timer)
    now = timer.at
    timer.callback()
  }

  return {
    now: () => now,
    after,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const abort = () => {
          cancel()
          reject(signal?.reason)
        }
        const cancel = after(ms, () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        })
        signal?.addEventListener('abort', abort, { once: true })
      }),
    async pass(ms) {
      const until = now + ms
      await settle()
      for (let timer = next(until); timer; timer = next(until)) {
        fire(timer)
        await settle()
      }
      now = until
    },
    passSync(ms) {
      const until = now + ms
      for (let timer = next(until); timer; timer = next(until)) fire(timer)
      now = until
    },
  }
}

/** Lets every promise that can settle do so. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
