// How late the event loop is: measured by the agent's own timers as they fire, so that nothing wakes up to find out.
// Kept over a sliding window, so that reading it changes nothing: each of several Prometheus servers sees the same.

import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Clock } from '../clock.ts'
import type { Mono } from '../model.ts'

/** In milliseconds, over the last one to two minutes. All 0 where no timer fired. */
export interface LagSummary {
  readonly mean: number
  readonly p99: number
  readonly max: number
}

export interface Lag {
  /** Has no side effect. */
  read(): LagSummary
}

/** The window is the present interval of this length and the one before. */
const intervalMs = 60_000
const nanoseconds = 1e6
/** Enough for a delay, and a hundredth of the memory of the default. */
const significantFigures = 2

/** The same clock, whose timers measure how much later than asked they fired. */
export function observeLag(clock: Clock): { readonly clock: Clock; readonly lag: Lag } {
  const intervals: [RecordableHistogram, RecordableHistogram] = [createDelays(), createDelays()]
  /** Which interval each of them holds. */
  const numbers = [-1, -1]
  const numberOf = (now: Mono) => Math.floor(now / intervalMs)

  function record(due: Mono): void {
    const now = clock.now()
    const number = numberOf(now)
    const at = number % 2 === 0 ? 0 : 1
    if (numbers[at] !== number) intervals[at].reset()
    numbers[at] = number
    intervals[at].record(Math.max(1, Math.round((now - due) * nanoseconds)))
  }

  function read(): LagSummary {
    const number = numberOf(clock.now())
    const all = createDelays()
    intervals.forEach((interval, at) => {
      if (numbers[at] === number || numbers[at] === number - 1) all.add(interval)
    })
    if (all.count === 0) return { mean: 0, p99: 0, max: 0 }
    const [mean, p99, max] = [all.mean, all.percentile(99), all.max].map((value) => value / nanoseconds)
    return { mean: mean!, p99: p99!, max: max! }
  }

  return {
    lag: { read },
    clock: {
      now: clock.now,
      async sleep(ms, signal) {
        const due = clock.now() + ms
        await clock.sleep(ms, signal)
        record(due)
      },
      after(ms, callback) {
        const due = clock.now() + ms
        return clock.after(ms, () => {
          record(due)
          callback()
        })
      },
    },
  }
}

function createDelays(): RecordableHistogram {
  return createHistogram({ figures: significantFigures })
}
