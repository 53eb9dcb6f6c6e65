// Changes that come together are told together: a packet, and waking up for it on both sides, cost more than a
// page's delta.

import type { Clock } from '../clock.ts'

export interface Gathering {
  /** Something is to be told, in a moment. */
  begin(): void
  /** Nothing else is about to change: what is to be told is told now, unless something was just told. */
  hasten(): void
  stop(): void
}

/** What waits to be told waits no longer than this, and is told no more often when it is hastened. */
const aMoment = 20

export function createGathering(clock: Clock, tell: () => void): Gathering {
  let cancel: (() => void) | undefined
  let toldAt = Number.NEGATIVE_INFINITY

  function stop(): void {
    cancel?.()
    cancel = undefined
  }

  function end(): void {
    stop()
    toldAt = clock.now()
    tell()
  }

  return {
    begin() {
      cancel ??= clock.after(aMoment, end)
    },
    hasten() {
      if (cancel && clock.now() - toldAt >= aMoment) end()
    },
    stop,
  }
}
