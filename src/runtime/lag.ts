// How late the event loop is, measured by the agent's own timers as they fire: so nothing wakes up to find out
// (docs/BENCHMARKS.md). Over a sliding window, so that reading changes nothing and several Prometheus servers see the
// same.

import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Clock } from '../clock.ts'
import type { Mono } from '../model.ts'

/** In milliseconds, over the last one to two minutes. All 0 if no timer fired. */
interface LagSummary {
  readonly mean: number
  readonly p99: number
  readonly max: number
}

/** The window is the current minute and the one before. */
const minuteMs = 60_000
const nanoseconds = 1e6
/** Precise enough for a delay, in a hundredth of the memory of the default. */
const figures = 2

interface Minute {
  readonly number: number
  readonly delays: RecordableHistogram
}

/** The same clock, with timers that measure how much later than due they fire. */
export function withLagMetrics(clock: Clock): { readonly clock: Clock; readonly readLag: () => LagSummary } {
  let minutes: readonly Minute[] = []

  /** The window, with the current minute last. */
  function current(): readonly Minute[] {
    const number = Math.floor(clock.now() / minuteMs)
    if (minutes.at(-1)?.number !== number) {
      const before = minutes.filter((minute) => minute.number === number - 1)
      minutes = [...before, { number, delays: createHistogram({ figures }) }]
    }
    return minutes
  }

  function record(due: Mono): void {
    const delay = Math.round((clock.now() - due) * nanoseconds)
    current().at(-1)!.delays.record(Math.max(1, delay))
  }

  function readLag(): LagSummary {
    const all = createHistogram({ figures })
    for (const { delays } of current()) all.add(delays)
    if (all.count === 0) return { mean: 0, p99: 0, max: 0 }
    const { mean, max } = all
    return { mean: mean / nanoseconds, p99: all.percentile(99) / nanoseconds, max: max / nanoseconds }
  }

  return {
    readLag,
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
