// A process on a machine: what its program does happens only while it runs. Paused (SIGSTOP, a frozen container, a
// machine that swaps), its timers and what it receives wait, while its clock goes on; killed, nothing happens any
// more.

import type { Clock } from '../../src/clock.ts'
import { sleepBy } from '../helpers/clock.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'

export interface Process {
  readonly clock: Clock
  /** Calls back now, or once the process goes on. */
  run(callback: () => void): void
  pause(): void
  /** As it is in a snapshot: its clock stands still, too, and its timers with it. */
  freeze(): void
  resume(): void
  kill(): void
  isAlive(): boolean
  isPaused(): boolean
  /** Until when it did nothing the last time: a client can't have expected an answer before. */
  resumedAt(): number
}

/** How this machine's timers are. */
export interface Timing {
  /** What the clock showed at the start. */
  readonly offset: number
  /** How fast the clock goes. */
  readonly rate: number
  /** Timers ring up to so many milliseconds late. */
  readonly lateMs: number
}

/** Node's timers may ring so much before their time. */
const maxEarlyMs = 1

export function startProcess(scheduler: Scheduler, timing: Timing, random: Random): Process {
  let state: 'running' | 'paused' | 'killed' = 'running'
  let resumedAt = 0
  let waiting: (() => void)[] = []
  let frozenAt: number | undefined
  let frozenMs = 0

  function run(callback: () => void): void {
    if (state === 'running') callback()
    else if (state === 'paused') waiting.push(callback)
  }

  const now = () => timing.offset + ((frozenAt ?? scheduler.now()) - frozenMs) * timing.rate

  function after(ms: number, callback: () => void): () => void {
    let cancelled = false
    const late = timing.lateMs > 0 ? random.below(timing.lateMs * 1000) / 1000 : 0
    const early = random.below(maxEarlyMs * 1000) / 1000
    const due = scheduler.now() - frozenMs + Math.max(0, ms / timing.rate - early) + late
    let cancel = () => {}
    function wait(): void {
      const at = due + frozenMs
      cancel = scheduler.at(at, () =>
        run(() => {
          if (cancelled) return
          if (at < due + frozenMs) wait()
          else callback()
        }),
      )
    }
    wait()
    return () => {
      cancelled = true
      cancel()
    }
  }

  return {
    clock: { now, after, sleep: sleepBy(after) },
    run,
    pause() {
      if (state === 'running') state = 'paused'
    },
    freeze() {
      if (state !== 'running') return
      state = 'paused'
      frozenAt = scheduler.now()
    },
    resume() {
      if (state !== 'paused') return
      if (frozenAt !== undefined) frozenMs += scheduler.now() - frozenAt
      frozenAt = undefined
      state = 'running'
      resumedAt = scheduler.now()
      const due = waiting
      waiting = []
      // each by itself, as they would be
      for (const callback of due) scheduler.at(scheduler.now(), () => run(callback))
    },
    kill() {
      state = 'killed'
      waiting = []
    },
    isAlive: () => state !== 'killed',
    isPaused: () => state === 'paused',
    resumedAt: () => resumedAt,
  }
}
