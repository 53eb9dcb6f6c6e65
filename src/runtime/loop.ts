// Runs something periodically: never twice at once, with backoff after failures, until it is stopped.

import type { Clock } from '../clock.ts'
import type { Stoppable } from '../model.ts'

interface LoopOptions {
  readonly clock: Clock
  /** The pause after a round that succeeded. */
  readonly intervalMs: number | (() => number)
  /** The pause after failures in a row; doubles from `minMs` to `maxMs`. Default: `intervalMs`. */
  readonly backoff?: { readonly minMs: number; readonly maxMs: number }
  /** Receives each failure, and how many there were in a row. */
  readonly onFailure: (error: unknown, inARow: number) => void
}

interface Loop extends Stoppable {
  /** Starts the next round now, or right after the one in progress. */
  trigger(): void
}

/** The first round starts at once. Stopping aborts the round in progress and waits for its end. */
export function startLoop(round: (signal: AbortSignal) => Promise<void>, options: LoopOptions): Loop {
  const { clock, intervalMs, backoff } = options
  const nextIntervalMs = typeof intervalMs === 'number' ? () => intervalMs : intervalMs
  const stopping = new AbortController()
  let pause = new AbortController()
  let isTriggered = false
  let failures = 0

  const pauseMs = () =>
    failures === 0 || !backoff
      ? nextIntervalMs()
      : Math.min(backoff.maxMs, backoff.minMs * 2 ** (failures - 1))

  async function runOnce(): Promise<void> {
    isTriggered = false
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
      if (isTriggered || stopping.signal.aborted) continue
      pause = new AbortController()
      await clock.sleep(pauseMs(), pause.signal).catch(() => {})
    }
  }

  const done = run()
  return {
    trigger() {
      isTriggered = true
      pause.abort()
    },
    async stop() {
      stopping.abort(new Error('stopped'))
      pause.abort()
      await done
    },
  }
}
