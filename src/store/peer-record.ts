// All that is known of one target of a peer, and how what the peer sends is merged into it. Pure: of each part the
// higher number wins, so that repeated and late messages change nothing.

import type {
  Endpoint,
  Entry,
  MetricsPage,
  NodeId,
  PastScrape,
  ProbeResult,
  Snapshot,
  Target,
} from '../model.ts'

/** Everything about a target but its metrics. */
export interface TargetListing {
  readonly target: Target
  readonly probeResult: ProbeResult
  readonly endpoint?: Endpoint
  readonly ended?: NonNullable<Entry['ended']>
  /** The number of its first listing. Another one if the container comes back, or its endpoint moves. */
  readonly generation: number
  /** The managers have listed it as a task. */
  readonly wasListed?: true
}

interface Numbered<T> {
  /** The owner's: of two values the one with the higher number is the newer. */
  readonly number: number
  readonly value: T
}

/** What the owner's present epoch sent, and what the previous one had. */
export interface PeerRecord {
  readonly listing?: Numbered<TargetListing>
  readonly snapshot?: Numbered<Snapshot>
  /** The newest page, which the next one may build on; older than the snapshot if that is a failure. */
  readonly page?: Numbered<MetricsPage>
  /** How large the newest page is that had no room; absent once one has had. */
  readonly refusedBytes?: number
  readonly history: readonly PastScrape[]
  /** What the owner's previous epoch had: shown until the present one has sent its own. */
  readonly previous?: Entry
}

export type RecordUpdate =
  | ({ readonly kind: 'listing' } & Numbered<TargetListing>)
  | ({ readonly kind: 'snapshot' } & Numbered<Snapshot>)
  /** The page of this number, packed in another way. */
  | ({ readonly kind: 'repacked' } & Numbered<MetricsPage>)
  /** The page can't be unpacked, and so neither can one that is packed against it. */
  | { readonly kind: 'unusable' }

/** The same object if the update brings nothing newer. */
export function merge(record: PeerRecord, update: RecordUpdate): PeerRecord {
  switch (update.kind) {
    case 'listing': {
      const { number, value } = update
      if (number <= (record.listing?.number ?? 0)) return record
      return { ...ofGeneration(record, value.generation), listing: { number, value } }
    }
    case 'snapshot': {
      const { number, value } = update
      if (!record.listing || number <= (record.snapshot?.number ?? record.listing.value.generation))
        return record
      return {
        ...record,
        snapshot: { number, value },
        ...(value.ok && { page: { number, value: value.page } }),
        history: withScrape(record.history, value),
        ...(record.previous && { previous: withoutSnapshot(record.previous) }),
      }
    }
    case 'repacked': {
      const { snapshot, page } = record
      const { number, value } = update
      if (page?.number !== number) return record
      return {
        ...record,
        page: { number, value },
        ...(snapshot?.value.ok && { snapshot: { number, value: { ...snapshot.value, page: value } } }),
      }
    }
    case 'unusable': {
      const { snapshot, page, ...rest } = record
      return rest
    }
  }
}

export function withoutSnapshot({ snapshot, ...entry }: Entry): Entry {
  return entry
}

/** The pages that are kept with it. */
export function pagesOf({ page, previous }: PeerRecord): readonly MetricsPage[] {
  const { snapshot } = previous ?? {}
  return [...(page ? [page.value] : []), ...(snapshot?.ok ? [snapshot.page] : [])]
}

/** Without what came before the container's present generation. */
function ofGeneration(record: PeerRecord, generation: number): PeerRecord {
  const { snapshot, page, previous, ...rest } = record
  const isOther = record.listing !== undefined && record.listing.value.generation !== generation
  return {
    ...rest,
    ...(snapshot && snapshot.number > generation && { snapshot }),
    ...(page && page.number > generation && { page }),
    ...(previous && { previous: isOther ? withoutSnapshot(previous) : previous }),
  }
}

/** The entry that others see. Undefined: nothing was listed yet. */
export function entryOf(owner: NodeId, record: PeerRecord | undefined): Entry | undefined {
  if (!record?.listing) return record?.previous
  const { listing, snapshot, history, previous } = record
  // an agent that has just started is still searching for what its previous epoch had found
  const { target, probeResult, ended } = listing.value
  const endpoint =
    listing.value.endpoint ?? (probeResult.kind === 'searching' ? previous?.endpoint : undefined)
  const shown = snapshot?.value ?? previous?.snapshot
  return {
    owner,
    target,
    probeResult,
    ...(endpoint && { endpoint }),
    ...(shown && { snapshot: shown }),
    history,
    ...(ended && { ended }),
  }
}

/** What stays of it when its owner has another epoch. */
export function ofPreviousEpoch(owner: NodeId, record: PeerRecord): PeerRecord {
  const previous = entryOf(owner, record)
  return { history: record.history, ...(previous && { previous }) }
}

/** The same under another id of its owner. */
export function recordOwnedBy(owner: NodeId, { listing, previous, ...rest }: PeerRecord): PeerRecord {
  return {
    ...rest,
    ...(listing && {
      listing: {
        ...listing,
        value: { ...listing.value, target: { ...listing.value.target, node: owner } },
      },
    }),
    ...(previous && { previous: ownedBy(owner, previous) }),
  }
}

export function ownedBy(owner: NodeId, entry: Entry): Entry {
  return { ...entry, owner, target: { ...entry.target, node: owner } }
}

const maxHistory = 20

/** The history of scrapes that the status shows, with one more. */
export function withScrape(history: readonly PastScrape[], snapshot: Snapshot): readonly PastScrape[] {
  const { ok, durationMs } = snapshot
  const past: PastScrape = ok ? { ok, durationMs, bodyBytes: snapshot.page.size } : { ok, durationMs }
  return [...history.slice(1 - maxHistory), past]
}
