// How late the event loop is: told by the agent's own timers as they ring, so that nothing wakes up to find it out.

import { createHistogram, type Histogram } from 'node:perf_hooks'
import type { Clock } from './clock.ts'

/** In nanoseconds, since its last `reset`. */
export type Lag = Pick<Histogram, 'mean' | 'max' | 'percentile' | 'reset'>

/** The same clock, whose timers tell how much later than asked they rang. */
export function observeLag(clock: Clock): { readonly clock: Clock; readonly lag: Lag } {
  const lag = createHistogram()

  function rang(due: number): void {
    lag.record(Math.max(1, Math.round((clock.now() - due) * 1e6)))
  }

  return {
    lag,
    clock: {
      now: clock.now,
      async sleep(ms, signal) {
        const due = clock.now() + ms
        await clock.sleep(ms, signal)
        rang(due)
      },
      after(ms, callback) {
        const due = clock.now() + ms
        return clock.after(ms, () => {
          rang(due)
          callback()
        })
      },
    },
  }
}
