// One timer for all that time will change: it rings when the next of it is due, and not before.

import type { Clock } from '../clock.ts'
import type { Mono } from '../model.ts'

export interface Alarm {
  /** Rings at `at`, unless it does so sooner. */
  by(at: Mono): void
  stop(): void
}

/** Rings at once; `ring` tells when it is to ring again. */
export function startAlarm(clock: Clock, ring: () => Mono): Alarm {
  let due = clock.now()
  let cancel = clock.after(0, rang)

  function rang(): void {
    due = Number.POSITIVE_INFINITY
    by(ring())
  }

  function by(at: Mono): void {
    if (at >= due) return
    cancel()
    due = at
    cancel = clock.after(Math.max(0, Math.ceil(at - clock.now())), rang)
  }

  return {
    by,
    stop() {
      due = Number.NEGATIVE_INFINITY
      cancel()
    },
  }
}
