// What one peer is sent of the own side: what it hasn't got, the newest of each target, in as few bytes as its last
// version allows. Bounded: what waits is a set of ids, never a queue of pages.

import type { Clock } from '../clock.ts'
import type { Failure } from '../errors.ts'
import type { Entry, Snapshot } from '../model.ts'
import type { OwnNode } from '../store/store.ts'
import { maxFrameBytes } from './frames.ts'
import type { Digest, FailureMessage, ListingMessage, Message, PageMessage } from './messages.ts'
import type { PackedPage, PagePacker } from './page-packer.ts'

export interface Feed {
  /**
   * The peer has sent what it has: everything else is due. Returns what it has to drop: all, if some was never sent from
   * here, since then its numbers stand for other snapshots than the same numbers here.
   */
  start(digest: Digest): readonly Message[]
  /** Whether the peer has what was never sent from here. */
  isForeign(digest: Digest): boolean
  /** Something about this own target has changed. */
  mark(id: string): void
  /** The peer wants the page in full. */
  resend(id: string): void
  /** What is due about one target. */
  next(id: string): readonly Message[]
  /** The next target about which something may be due. */
  due(): string | undefined
  /** The number of the snapshot that the peer has; 0: none. */
  sent(id: string): number
}

/** The numbers that the peer has once it has read what was sent. */
interface Sent {
  readonly generation: number
  readonly listingNumber: number
  readonly snapshotNumber: number
  readonly pageNumber: number
}

interface FeedDeps {
  readonly ownNode: OwnNode
  readonly packer: PagePacker
  readonly clock: Clock
  /** This target's page could not be packed: the peer gets a failure, all other targets are sent as usual. */
  readonly failed: (id: string, error: unknown) => void
}

/** Leaves room for the header. */
const maxPageBytes = maxFrameBytes - 2 ** 20

const tooLarge: Failure = {
  code: 'too_large',
  reason: 'these metrics are too large to be sent to other nodes',
  hint: 'request them from the agent on the container’s own node, or lower MAX_BODY',
}

const unreadable: Failure = {
  code: 'internal',
  reason: 'the metrics could not be prepared for other nodes',
  hint: 'request them from the agent on the container’s own node',
}

export function createFeed({ ownNode, packer, clock, failed }: FeedDeps): Feed {
  const sent = new Map<string, Sent>()
  const waiting = new Set<string>()
  let isStarted = false

  const ageOf = (at: number) => Math.max(0, clock.now() - at)
  const timesOf = ({ at, durationMs }: Snapshot) => ({ ageMs: ageOf(at), durationMs })

  function listingOf(entry: Entry, number: number, generation: number): ListingMessage {
    const { target, probeResult, endpoint, ended } = entry
    const { at = 0, ...end } = ended ?? { removed: false }
    return {
      ...{ kind: 'listing', number, generation, target, probeResult },
      ...(endpoint && { endpoint }),
      ...(ended && { ended: { ...end, ageMs: ageOf(at) } }),
    }
  }

  /** The newest page, or why there is none for peers; undefined while it is being packed. */
  function packedPage(id: string, base: number): PackedPage | Failure | undefined {
    try {
      const packed = packer.get(id, base)
      return packed && packed.frame.bytes.length > maxPageBytes ? tooLarge : packed
    } catch (error) {
      failed(id, error)
      return unreadable
    }
  }

  /** A snapshot that failed is sent as it is; of the pages the newest that is packed, which may be an older one. */
  function snapshotOf(
    { snapshot }: Entry,
    id: string,
    number: number,
    known: Sent,
  ): FailureMessage | PageMessage | undefined {
    if (!snapshot || number <= known.snapshotNumber) return undefined
    const message = { kind: 'failure' as const, id, number, ...timesOf(snapshot) }
    if (!snapshot.ok) return { ...message, failure: snapshot.failure }
    const packed = packedPage(id, known.pageNumber)
    if (!packed || 'code' in packed) return packed && { ...message, failure: packed }
    if (packed.number <= known.snapshotNumber) return undefined
    const { scrape, base, frame } = packed
    const { format, hasUtf8Names, series, remarks } = scrape.page
    return {
      ...{ kind: 'page', id, number: packed.number, ...timesOf(scrape) },
      ...{ format, series, remarks, base, frames: [frame] },
      ...(hasUtf8Names && { hasUtf8Names }),
    }
  }

  function isForeign({ records }: Digest): boolean {
    return records.some(([id, listingNumber, snapshotNumber]) => {
      const own = ownNode.entry(id)
      if (!own) return false
      // of the container's generation before the peer may have what it was sent
      return (
        listingNumber > own.listingNumber || snapshotNumber > Math.max(own.generation, own.snapshotNumber)
      )
    })
  }

  return {
    isForeign,
    start(digest) {
      const known = new Map(digest.records.map(([id, ...numbers]) => [id, numbers]))
      const isUsable = !isForeign(digest)
      sent.clear()
      for (const { entry, generation } of ownNode.entries()) {
        const { id } = entry.target
        const [listingNumber = 0, snapshotNumber = 0, pageNumber = 0] = known.get(id) ?? []
        if (isUsable && known.delete(id) && listingNumber >= generation)
          sent.set(id, { generation, listingNumber, snapshotNumber, pageNumber })
        waiting.add(id)
      }
      isStarted = true
      return [...known.keys()].map((id) => ({ kind: 'deleted', id }))
    },
    mark(id) {
      if (isStarted) waiting.add(id)
    },
    resend(id) {
      const known = sent.get(id)
      if (!known) return
      sent.set(id, { ...known, snapshotNumber: 0, pageNumber: 0 })
      waiting.add(id)
    },
    next(id) {
      waiting.delete(id)
      const now = ownNode.entry(id)
      const before = sent.get(id)
      if (!now) return sent.delete(id) ? [{ kind: 'deleted', id }] : []
      const { entry, generation, listingNumber, snapshotNumber: number } = now
      const known =
        before?.generation === generation
          ? before
          : { generation, listingNumber: 0, snapshotNumber: 0, pageNumber: 0 }
      const snapshot = snapshotOf(entry, id, number, known)
      sent.set(id, {
        ...{ generation, listingNumber },
        snapshotNumber: snapshot?.number ?? known.snapshotNumber,
        pageNumber: snapshot?.kind === 'page' ? snapshot.number : known.pageNumber,
      })
      return [
        ...(listingNumber > known.listingNumber ? [listingOf(entry, listingNumber, generation)] : []),
        ...(snapshot ? [snapshot] : []),
      ]
    },
    due() {
      const [id] = waiting
      return id
    },
    sent: (id) => sent.get(id)?.snapshotNumber ?? 0,
  }
}
