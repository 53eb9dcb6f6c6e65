// A bucket of requests that may come at once, refilled steadily.

import type { Clock } from '../../clock.ts'

interface Limit {
  /** Milliseconds in which one more request is allowed. */
  readonly interval: number
  readonly burst: number
}

/** Returns whether one more request may pass now. */
export function createRateLimit(clock: Clock, { interval, burst }: Limit): () => boolean {
  let tokens = burst
  let filled = clock.now()
  return () => {
    const now = clock.now()
    tokens = Math.min(burst, tokens + (now - filled) / interval)
    filled = now
    if (tokens < 1) return false
    tokens -= 1
    return true
  }
}
