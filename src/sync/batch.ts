// Changes that come together are sent together: a packet, and waking up for it on both sides, cost more than a
// page's delta.

import type { Clock } from '../clock.ts'

export interface Batch {
  /** Something is to be sent, soon. */
  add(): void
  /** Nothing else is about to change: what is to be sent is sent now, unless something was just sent. */
  flush(): void
  stop(): void
}

/** Nothing waits longer than this, and flushed batches are no closer together. */
const maxWaitMs = 20

export function createBatch(clock: Clock, send: () => void): Batch {
  let cancel: (() => void) | undefined
  let sentAt = Number.NEGATIVE_INFINITY

  function stop(): void {
    cancel?.()
    cancel = undefined
  }

  function end(): void {
    stop()
    sentAt = clock.now()
    send()
  }

  return {
    add() {
      cancel ??= clock.after(maxWaitMs, end)
    },
    flush() {
      if (cancel && clock.now() - sentAt >= maxWaitMs) end()
    },
    stop,
  }
}
