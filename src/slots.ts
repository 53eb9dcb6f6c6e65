// A limit on how much is started at once, which hung work can't exhaust.

import type { Clock } from './clock.ts'
import type { Mono } from './model.ts'

export interface Slots {
  /** Runs `work` once a slot is free. Its result or failure is the work's own. */
  <T>(work: () => Promise<T>): Promise<T>
  running(): number
  waiting(): number
}

/** Since when a slot is held. */
interface Holder {
  readonly since: Mono
}

/**
 * Work gives its slot back when it is done or after `patience`, whichever is first: what takes longer is
 * waiting for somebody else and costs this process next to nothing. So `size` bounds what is being worked
 * on, and even when everything hangs, `size` new things are started every `patience`.
 *
 * Only where something waits is it looked who has held a slot for too long: mostly nothing does.
 */
export function createSlots(clock: Clock, size: number, patience: number): Slots {
  /** The longest first, as `queue`. */
  const holders = new Set<Holder>()
  const queue = new Set<() => void>()
  let looking = false

  function inSlot<T>(work: () => Promise<T>): Promise<T> {
    if (holders.size < size) return run(work)
    return new Promise((resolve) => {
      queue.add(() => resolve(run(work)))
      startNext()
    })
  }

  async function run<T>(work: () => Promise<T>): Promise<T> {
    const holder = { since: clock.now() }
    holders.add(holder)
    try {
      return await work()
    } finally {
      holders.delete(holder)
      startNext()
    }
  }

  function startNext(): void {
    if (queue.size > 0) takeBack()
    for (const start of queue) {
      if (holders.size >= size) {
        lookLater()
        return
      }
      queue.delete(start)
      start()
    }
  }

  function takeBack(): void {
    for (const holder of holders) {
      if (clock.now() < holder.since + patience) return
      holders.delete(holder)
    }
  }

  /** When the one that has held its slot the longest is to give it back. */
  function lookLater(): void {
    const [longest] = holders
    if (looking || !longest) return
    looking = true
    clock.after(Math.max(0, longest.since + patience - clock.now()), () => {
      looking = false
      startNext()
    })
  }

  return Object.assign(inSlot, { running: () => holders.size, waiting: () => queue.size })
}
