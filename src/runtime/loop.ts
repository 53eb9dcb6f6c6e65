// One way to do a thing again and again: never twice at once, with backoff after failures, stoppable.

import type { Clock } from '../clock.ts'
import type { Stoppable } from '../model.ts'

export interface LoopOptions {
  readonly clock: Clock
  /** The pause after a round that went well. */
  readonly every: number
  /** The pause after failures in a row; doubles from `least` up to `most`. Default: `every`. */
  readonly backoff?: { readonly least: number; readonly most: number }
  /** Receives each failure, with how many there were in a row: none is lost. */
  readonly onFailure: (error: unknown, inARow: number) => void
}

export interface Loop extends Stoppable {
  /** Starts the next round now, or right after the one under way. */
  wake(): void
}

/** Runs `round` at once and then for ever. Stopping aborts the round under way and waits for its end. */
export function startLoop(round: (signal: AbortSignal) => Promise<void>, options: LoopOptions): Loop {
  const { clock, every, backoff } = options
  const stopping = new AbortController()
  let nap = new AbortController()
  let woken = false
  let failures = 0

  const pauseAfter = () =>
    failures === 0 || !backoff ? every : Math.min(backoff.most, backoff.least * 2 ** (failures - 1))

  async function runOnce(): Promise<void> {
    woken = false
    try {
      await round(stopping.signal)
      failures = 0
    } catch (error) {
      if (stopping.signal.aborted) return
      failures += 1
      options.onFailure(error, failures)
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await runOnce()
      if (woken || stopping.signal.aborted) continue
      nap = new AbortController()
      await clock.sleep(pauseAfter(), nap.signal).catch(() => {})
    }
  }

  const done = run()
  return {
    wake() {
      woken = true
      nap.abort()
    },
    async stop() {
      stopping.abort(new Error('stopped'))
      nap.abort()
      await done
    },
  }
}
