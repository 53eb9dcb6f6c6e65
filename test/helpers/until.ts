// Waiting for an event from outside: asks again and again, and says what was missing when time is up.

import { setTimeout as pause } from 'node:timers/promises'
import { scaled } from './limits.ts'

export interface Wait {
  readonly what: string
  readonly tookMs: number
  readonly limitMs: number
}

let closest: Wait | undefined

/** Of the waits since the last call, the one that came nearest to its limit. */
export function takeClosestWait(): Wait | undefined {
  const taken = closest
  closest = undefined
  return taken
}

/** The share of its limit that something took. */
export const shareOf = ({ tookMs, limitMs }: Omit<Wait, 'what'>): number => tookMs / limitMs

/**
 * Resolves with the first value of `probe` that is neither undefined nor false. A probe that throws is called
 * again; its last error is the cause of ours. `within` is for a quiet machine: on a slow one it is longer.
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { within = 20_000, every = 50 }: { readonly within?: number; readonly every?: number } = {},
): Promise<T> {
  const limitMs = scaled(within)
  const began = performance.now()
  const tookMs = () => performance.now() - began
  let cause: unknown
  for (;;) {
    try {
      const value = await inTime(probe(), limitMs - tookMs())
      if (value !== undefined && value !== false) {
        noteWait({ what, tookMs: tookMs(), limitMs })
        return value
      }
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (tookMs() > limitMs) throw new Error(`waited ${limitMs} ms in vain for: ${what}`, { cause })
    await pause(every)
  }
}

/** A probe that never settles must not outlast the limit; one that is at work when time is up may finish soon. */
async function inTime<T>(probe: Promise<T> | T, leftMs: number): Promise<T> {
  if (!(probe instanceof Promise)) return probe
  const over = new AbortController()
  const late = pause(Math.max(leftMs, 0) + scaled(5000), undefined, { signal: over.signal }).then(() => {
    throw new Error('the last attempt did not end')
  })
  try {
    return await Promise.race([probe, late])
  } finally {
    over.abort()
    late.catch(() => {})
  }
}

function noteWait(wait: Wait): void {
  if (closest === undefined || shareOf(wait) > shareOf(closest)) closest = wait
}
