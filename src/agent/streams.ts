// The protobuf streams of this node's targets. A stream is open from the first request for it until no client has asked
// for it during five intervals. While it is open, it is scraped on schedule and sent to peers.

import type { Clock } from '../clock.ts'
import { isStreamId, type Mono, targetIdOf } from '../model.ts'

interface StreamsDeps {
  readonly clock: Clock
  readonly store: {
    openStream(targetId: string): void
    closeStream(targetId: string): void
    readonly own: { entry(id: string): unknown }
  }
  /** Makes the scraper take streams that were just opened. */
  readonly decideNow: () => void
  readonly scrape: (id: string, timeoutMs: number, signal?: AbortSignal) => Promise<void>
  readonly idleMs: number
}

export interface Streams {
  /** Scrapes a target, or a stream of it, which is opened if it isn't yet. */
  refresh(id: string, timeoutMs: number, signal?: AbortSignal): Promise<void>
}

/** How many intervals of the agent a stream stays open without a request. */
export const idleIntervals = 5

export function createStreams({ clock, store, decideNow, scrape, idleMs }: StreamsDeps): Streams {
  const requestedAt = new Map<string, Mono>()

  function open(id: string): void {
    const isTimed = requestedAt.has(id)
    requestedAt.set(id, clock.now())
    if (!isTimed) clock.after(idleMs, () => closeIdle(id))
    if (store.own.entry(id)) return
    store.openStream(targetIdOf(id))
    decideNow()
  }

  function closeIdle(id: string): void {
    const leftMs = (requestedAt.get(id) ?? 0) + idleMs - clock.now()
    if (leftMs > 0 && store.own.entry(id)) {
      clock.after(leftMs, () => closeIdle(id))
      return
    }
    requestedAt.delete(id)
    store.closeStream(targetIdOf(id))
  }

  return {
    refresh(id, timeoutMs, signal) {
      if (isStreamId(id) && store.own.entry(targetIdOf(id))) open(id)
      return scrape(id, timeoutMs, signal)
    },
  }
}
