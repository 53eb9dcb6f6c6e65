// The protobuf streams of this node's targets. A stream is open from the first request for it until no client has asked
// for it during five intervals. While it is open, it is scraped on schedule and sent to peers. The text is then scraped
// less often once no client has asked for it, either, during five intervals.

import type { Clock } from '../clock.ts'
import {
  type Entry,
  isProtobufStreamId,
  type Mono,
  type Snapshot,
  type Stoppable,
  streamId,
  targetIdOf,
} from '../model.ts'
import { createSchedule } from '../runtime/schedule.ts'
import type { Store } from '../store/store.ts'
import { sharedMs } from '../sync/refreshes.ts'

interface StreamsDeps {
  readonly clock: Clock
  readonly store: Pick<Store, 'openStream' | 'closeStream' | 'ownNode'>
  /** Makes the scraper take streams that were just opened. */
  readonly updateNow: () => void
  readonly scrape: (id: string, timeoutMs: number) => Promise<void>
  readonly maxAgeMsOf: (entry: Entry) => number | 'off'
  readonly textRequests: TextRequests
  readonly idleMs: number
}

/** When clients last requested text of the targets whose stream is open. */
interface TextRequests {
  add(targetId: string): void
  forget(targetId: string): void
  /** Whether none did for so long that scraping it less often is enough. */
  isIdle(targetId: string): boolean
}

interface Streams extends Stoppable {
  /** Scrapes a target, or a stream of it, which is opened if it isn't yet. */
  refresh(id: string, timeoutMs: number): Promise<void>
  /** For a peer: the same, unless the last snapshot is live. */
  refreshUnlessLive(id: string, timeoutMs: number): Promise<void>
}

/** The entry of a target with what was scraped last, of its text or of its stream; if it is valid in one only, of that. */
export function newestOf(entry: Entry, stream: Entry | undefined): Entry {
  const { snapshot, history } = stream ?? {}
  if (!snapshot || !history || isShownBefore(entry.snapshot, snapshot)) return entry
  return { ...entry, snapshot, history }
}

function isShownBefore(text: Snapshot | undefined, protobuf: Snapshot): boolean {
  if (!text) return false
  if (isInvalid(text) !== isInvalid(protobuf)) return isInvalid(protobuf)
  return text.at >= protobuf.at
}

const isInvalid = (snapshot: Snapshot) => !snapshot.ok && snapshot.failure.code === 'invalid'

/** How many intervals of the agent a stream stays open without a request. */
export const idleIntervals = 5

export function createTextRequests(clock: Clock, idleMs: number): TextRequests {
  const requestedAt = new Map<string, Mono>()
  return {
    add: (targetId) => void requestedAt.set(targetId, clock.now()),
    forget: (targetId) => void requestedAt.delete(targetId),
    isIdle(targetId) {
      const at = requestedAt.get(targetId)
      return at !== undefined && clock.now() - at >= idleMs
    },
  }
}

export function createStreams(deps: StreamsDeps): Streams {
  const { clock, store, updateNow, scrape, maxAgeMsOf, textRequests, idleMs } = deps
  const requestedAt = new Map<string, Mono>()
  /** How many requests wait for a scrape of each stream. */
  const waiting = new Map<string, number>()
  const closing = createSchedule(clock, closeIdle)

  function open(id: string): void {
    const isTimed = requestedAt.has(id)
    requestedAt.set(id, clock.now())
    if (!isTimed) closing.set(id, clock.now() + idleMs)
    if (store.ownNode.entry(id)) return
    textRequests.add(targetIdOf(id))
    store.openStream(targetIdOf(id))
    updateNow()
  }

  function requestText(targetId: string): void {
    const isIdle = textRequests.isIdle(targetId)
    textRequests.add(targetId)
    if (isIdle) updateNow()
  }

  function closeIdle(id: string): void {
    const idleAt = (waiting.has(id) ? clock.now() : (requestedAt.get(id) ?? 0)) + idleMs
    if (idleAt > clock.now() && store.ownNode.entry(id)) {
      closing.set(id, idleAt)
      // the text may have become idle
      updateNow()
      return
    }
    requestedAt.delete(id)
    textRequests.forget(targetIdOf(id))
    store.closeStream(targetIdOf(id))
  }

  /** A request for a target's text, or for its stream. A peer may send any id: a stream has no stream of its own. */
  function recordRequest(id: string): void {
    const targetId = targetIdOf(id)
    const isStream = isProtobufStreamId(id) && !isProtobufStreamId(targetId)
    if (isStream && store.ownNode.entry(targetId)) open(id)
    else if (requestedAt.has(streamId(id, 'protobuf'))) requestText(id)
  }

  async function refresh(id: string, timeoutMs: number): Promise<void> {
    recordRequest(id)
    if (!requestedAt.has(id)) return scrape(id, timeoutMs)
    waiting.set(id, (waiting.get(id) ?? 0) + 1)
    try {
      await scrape(id, timeoutMs)
    } finally {
      const others = waiting.get(id)! - 1
      if (others > 0) waiting.set(id, others)
      else waiting.delete(id)
      if (requestedAt.has(id)) requestedAt.set(id, clock.now())
    }
  }

  /** For all clients for which the peer may have sent the request. */
  function isLive(id: string): boolean {
    const entry = store.ownNode.entry(id)?.entry
    if (!entry?.snapshot) return false
    const maxAgeMs = maxAgeMsOf(entry)
    return maxAgeMs !== 'off' && clock.now() - entry.snapshot.at <= maxAgeMs - sharedMs
  }

  return {
    refresh,
    async refreshUnlessLive(id, timeoutMs) {
      if (isLive(id)) recordRequest(id)
      else await refresh(id, timeoutMs)
    },
    async stop() {
      closing.stop()
    },
  }
}
