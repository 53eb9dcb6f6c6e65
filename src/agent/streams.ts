// The protobuf streams of this node's targets. A stream is open from the first request for it until no client has asked
// for it during five intervals. While it is open, it is scraped on schedule and sent to peers.

import type { Clock } from '../clock.ts'
import { type Entry, isStreamId, type Mono, targetIdOf } from '../model.ts'

interface StreamsDeps {
  readonly clock: Clock
  readonly store: {
    openStream(targetId: string): void
    closeStream(targetId: string): void
    readonly own: { entry(id: string): { readonly entry: Entry } | undefined }
  }
  /** Makes the scraper take streams that were just opened. */
  readonly decideNow: () => void
  readonly scrape: (id: string, timeoutMs: number, signal?: AbortSignal) => Promise<void>
  readonly maxAgeMsOf: (entry: Entry) => number | 'off'
  readonly idleMs: number
}

export interface Streams {
  /** Scrapes a target, or a stream of it, which is opened if it isn't yet. */
  refresh(id: string, timeoutMs: number, signal?: AbortSignal): Promise<void>
  /** For a peer: the same, unless the last snapshot is live. Resolves with how old it was when it was asked for. */
  refreshUnlessLive(id: string, timeoutMs: number, signal?: AbortSignal): Promise<number>
}

/** How many intervals of the agent a stream stays open without a request. */
export const idleIntervals = 5

export function createStreams(deps: StreamsDeps): Streams {
  const { clock, store, decideNow, scrape, maxAgeMsOf, idleMs } = deps
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

  async function refresh(id: string, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (isStreamId(id) && store.own.entry(targetIdOf(id))) open(id)
    await scrape(id, timeoutMs, signal)
  }

  /** Undefined if it isn't live, or there is none. */
  function liveAgeMs(id: string): number | undefined {
    const entry = store.own.entry(id)?.entry
    if (!entry?.snapshot) return undefined
    const [ageMs, maxAgeMs] = [clock.now() - entry.snapshot.at, maxAgeMsOf(entry)]
    return maxAgeMs !== 'off' && ageMs <= maxAgeMs ? ageMs : undefined
  }

  return {
    refresh,
    async refreshUnlessLive(id, timeoutMs, signal) {
      const ageMs = liveAgeMs(id)
      if (ageMs === undefined) await refresh(id, timeoutMs, signal)
      else if (isStreamId(id)) open(id)
      return ageMs ?? 0
    },
  }
}
