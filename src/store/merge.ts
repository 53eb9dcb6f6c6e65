// What an owner sends of one target, merged into what was known of it. Pure: the newer number wins, part by part, so
// repetition does no harm.

import type { Endpoint, Entry, Finding, NodeId, Page, Past, Snapshot, Target } from '../model.ts'
import { remember } from './history.ts'

/** Everything about a target but its pages. */
export interface Listing {
  readonly target: Target
  readonly finding: Finding
  readonly endpoint?: Endpoint
  readonly ended?: NonNullable<Entry['ended']>
  /** The number of its first listing. A container that comes back under its old id has another one. */
  readonly generation: number
  /** The managers have listed it as a task. */
  readonly wasListed?: true
}

interface Numbered<T> {
  /** The owner's: of two values the one with the higher number is the newer. */
  readonly number: number
  readonly value: T
}

/** All that is known of one target of a peer: what its present epoch sent, and what is left of the former one. */
export interface PeerRecord {
  readonly listing?: Numbered<Listing>
  readonly snapshot?: Numbered<Snapshot>
  /** The newest page, which the next one may build on; older than the snapshot if that is a failure. */
  readonly page?: Numbered<Page>
  readonly history: readonly Past[]
  /** What the owner's former epoch had: shown until the present one has sent something newer. */
  readonly former?: Entry
}

export type Update =
  | ({ readonly kind: 'listing' } & Numbered<Listing>)
  | ({ readonly kind: 'snapshot' } & Numbered<Snapshot>)
  /** The page that came with this number, packed in another way. */
  | ({ readonly kind: 'repacked' } & Numbered<Page>)
  /** The page can't be unpacked: neither it nor what builds on it is of use. */
  | { readonly kind: 'unusable' }

/** The same object if the update brings nothing newer. */
export function merge(record: PeerRecord, update: Update): PeerRecord {
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
        history: remember(record.history, value),
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

/** Without what came before the container's present generation. */
function ofGeneration(record: PeerRecord, generation: number): PeerRecord {
  const { snapshot, page, ...rest } = record
  return {
    ...rest,
    ...(snapshot && snapshot.number > generation && { snapshot }),
    ...(page && page.number > generation && { page }),
  }
}

/** What is shown of it. */
export function entryOf(
  owner: NodeId,
  { listing, snapshot, history, former }: PeerRecord,
): Entry | undefined {
  if (!listing) return former
  // an agent that has just started is still searching for what its former self had found
  const { target, finding, ended } = listing.value
  const endpoint = listing.value.endpoint ?? (finding.kind === 'searching' ? former?.endpoint : undefined)
  const shown = snapshot?.value ?? former?.snapshot
  return {
    owner,
    target,
    finding,
    ...(endpoint && { endpoint }),
    ...(shown && { snapshot: shown }),
    history,
    ...(ended && { ended }),
  }
}

/** What is left of it when its owner has another epoch. */
export function formerOf(owner: NodeId, record: PeerRecord): PeerRecord {
  const former = entryOf(owner, record)
  return { history: record.history, ...(former && { former }) }
}

/** The same of an owner that has another id now. */
export function recordOwnedBy(owner: NodeId, { listing, former, ...rest }: PeerRecord): PeerRecord {
  return {
    ...rest,
    ...(listing && {
      listing: {
        ...listing,
        value: { ...listing.value, target: { ...listing.value.target, node: owner } },
      },
    }),
    ...(former && { former: ownedBy(owner, former) }),
  }
}

export function ownedBy(owner: NodeId, entry: Entry): Entry {
  return { ...entry, owner, target: { ...entry.target, node: owner } }
}
