// Time as a parameter, built on the global setTimeout so that fake timers reach every wait.

import type { Mono } from './model.ts'

export interface Clock {
  /** Monotonic milliseconds: for ages, deadlines and schedules. */
  now(): Mono
  /** Resolves after `ms`; rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep,
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const abort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', abort, { once: true })
  })
}

/** A timer may fire this much too early. */
const earlyMs = 1

/**
 * How long until the clock shows a whole multiple of `intervalMs`. Work with the same interval then runs together,
 * since waking up costs more than most of it.
 */
export function untilNext(intervalMs: number, now: Mono): number {
  return Math.ceil((now + earlyMs) / intervalMs) * intervalMs - now
}

/** A timeout less what the response takes on its way back. */
export function lessMargin(timeoutMs: number): number {
  return timeoutMs - Math.min(Math.max(timeoutMs / 20, 50), 500, timeoutMs / 2)
}

/** A signal that aborts after `ms` or with its parent, and frees its timer when disposed. */
export function deadline(clock: Clock, ms: number, parent?: AbortSignal): AbortSignal & Disposable {
  const controller = new AbortController()
  const cancel = clock.after(ms, () => controller.abort(new DeadlineExceeded(ms)))
  const follow = () => controller.abort(parent?.reason)
  if (parent?.aborted) follow()
  parent?.addEventListener('abort', follow, { once: true })
  return Object.assign(controller.signal, {
    [Symbol.dispose]() {
      cancel()
      parent?.removeEventListener('abort', follow)
    },
  })
}

/** The reason with which a `deadline` signal aborts when its time is up. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded'

  constructor(ms: number) {
    super(`no answer within ${Math.round(ms)} ms`)
  }
}
