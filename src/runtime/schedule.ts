// When each key is due: one timer per key. And the stable hash that spreads keys over time.

import { hash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Mono } from '../model.ts'

interface Schedule<K> {
  /** Calls `onDue` once for `key` at `at`; a later call for the same key replaces it. */
  set(key: K, at: Mono): void
  delete(key: K): void
  /** How many keys are scheduled. */
  size(): number
  stop(): void
}

export function createSchedule<K>(clock: Clock, onDue: (key: K) => void): Schedule<K> {
  const timers = new Map<K, () => void>()

  function cancel(key: K): void {
    timers.get(key)?.()
    timers.delete(key)
  }

  function set(key: K, at: Mono): void {
    cancel(key)
    const fire = () => {
      timers.delete(key)
      // Node's timers may fire up to a millisecond early
      if (clock.now() < at) set(key, at)
      else onDue(key)
    }
    timers.set(key, clock.after(Math.max(0, Math.ceil(at - clock.now())), fire))
  }

  return {
    set,
    delete: cancel,
    size: () => timers.size,
    stop() {
      for (const key of timers.keys()) cancel(key)
    },
  }
}

/** A number in [0, 1), the same for the same text on every start and every node. */
export function hashFraction(text: string): number {
  return hash('sha1', text, 'buffer').readUInt32BE() / 2 ** 32
}
