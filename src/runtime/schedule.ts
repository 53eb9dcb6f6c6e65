// When is what due? One timer for each key.

import type { Clock } from '../clock.ts'
import type { Mono } from '../model.ts'

export interface Schedule<K> {
  /** Calls back once for `key` at `at`; a later call for the same key moves it. */
  set(key: K, at: Mono): void
  delete(key: K): void
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
    const ring = () => {
      timers.delete(key)
      // Node's timers may ring a moment too early
      if (clock.now() < at) set(key, at)
      else onDue(key)
    }
    timers.set(key, clock.after(Math.max(0, Math.ceil(at - clock.now())), ring))
  }

  return {
    set,
    delete: cancel,
    stop() {
      for (const key of timers.keys()) cancel(key)
    },
  }
}
