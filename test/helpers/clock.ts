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
  const queue: Timer[] = []
  const cancelled = new WeakSet<Timer>()

  function after(ms: number, callback: () => void): () => void {
    order += 1
    const timer = { at: now + Math.max(0, ms), order, callback }
    insert(queue, timer)
    return () => cancelled.add(timer)
  }

  function next(until: number): Timer | undefined {
    while (queue.length > 0 && cancelled.has(queue[0]!)) queue.shift()
    return queue[0] && queue[0].at <= until ? queue.shift() : undefined
  }

  function fire(timer: Timer): void {
    now = timer.at
    timer.callback()
  }

  return {
    now: () => now,
    after,
    sleep: sleepBy(after),
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

/** A clock's `sleep`, made of its `after`. */
export function sleepBy(after: Clock['after']): Clock['sleep'] {
  return (ms, signal) =>
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
    })
}

/** Lets every promise that can settle do so. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

/** Sorted by time, and in the order of their making. */
function insert(queue: Timer[], timer: Timer): void {
  let [low, high] = [0, queue.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (queue[middle]!.at <= timer.at) low = middle + 1
    else high = middle
  }
  queue.splice(low, 0, timer)
}
