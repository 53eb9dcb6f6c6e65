// Waiting for an event from outside: asks again and again, and says what was missing when time is up.

import { setTimeout as pause } from 'node:timers/promises'

/**
 * Resolves with the first value of `probe` that is neither undefined nor false. A probe that throws is asked
 * again; its last error is the cause of ours.
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { within = 20_000, every = 50 }: { readonly within?: number; readonly every?: number } = {},
): Promise<T> {
  const end = performance.now() + within
  for (;;) {
    let cause: unknown
    try {
      const value = await probe()
      if (value !== undefined && value !== false) return value
    } catch (error) {
      cause = error
    }
    if (performance.now() > end) throw new Error(`waited ${within} ms in vain for: ${what}`, { cause })
    await pause(every)
  }
}
