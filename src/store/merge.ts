// What an owner says of one target, merged with what it said before. Pure: the newer of the owner's present
// epoch wins, part by part, so order, repetition and loss of messages do no harm.

import type { Endpoint, Entry, Finding, NodeId, Past, Snapshot, Target } from '../model.ts'
import { remember } from './history.ts'

/** The directory part: everything about a target but its pages. */
export interface Listing {
  readonly target: Target
  readonly finding: Finding
  readonly endpoint?: Endpoint
  readonly ended?: NonNullable<Entry['ended']>
  /** The number of its first listing: pages numbered lower are of an earlier life of the same container. */
  readonly born: number
}

/**
 * All that was heard of one target in one epoch of its owner. A container that comes back under its old id has
 * another life, told apart by the number of its first listing.
 */
export interface Heard {
  readonly epoch: string
  readonly listing?: {
    readonly born: number
    /** Infinite once the life is over: then nothing of it is news. */
    readonly number: number
    readonly value?: Listing
  }
  readonly snapshot?: { readonly number: number; readonly value: Snapshot }
  readonly history: readonly Past[]
  /** What the owner's former epoch had: it stands until the present one has something newer. */
  readonly former?: Entry
}

export type Saying =
  | { readonly kind: 'listing'; readonly id: string; readonly number: number; readonly listing: Listing }
  | { readonly kind: 'snapshot'; readonly id: string; readonly number: number; readonly snapshot: Snapshot }
  | { readonly kind: 'gone'; readonly id: string; readonly born: number }

/** The same object if nothing in `saying` is news. */
export function merge(owner: NodeId, heard: Heard | undefined, epoch: string, saying: Saying): Heard {
  const base = heard?.epoch === epoch ? heard : nextEpoch(owner, heard, epoch)
  switch (saying.kind) {
    case 'listing': {
      const { number, listing } = saying
      const next = { born: listing.born, number, value: listing }
      return isNews(base.listing, next) ? { ...base, listing: next } : base
    }
    case 'snapshot': {
      const { number, snapshot } = saying
      if (number <= (base.snapshot?.number ?? 0)) return base
      return { ...base, snapshot: { number, value: snapshot }, history: remember(base.history, snapshot) }
    }
    case 'gone': {
      const over = { born: saying.born, number: Number.POSITIVE_INFINITY }
      if (!isNews(base.listing, over)) return base
      const { former, ...rest } = base
      return { ...rest, listing: over }
    }
  }
}

/** What is seen of it: nothing before its first listing and after its last. */
export function entryOf(owner: NodeId, heard: Heard): Entry | undefined {
  const listing = heard.listing
  if (!listing) return heard.former
  if (!listing.value) return undefined
  const { target, finding, endpoint = formerEndpoint(heard, finding), ended } = listing.value
  const snapshot = presentSnapshot(heard, listing.value) ?? heard.former?.snapshot
  return {
    owner,
    target,
    finding,
    ...(endpoint && { endpoint }),
    ...(snapshot && { snapshot }),
    history: heard.history,
    ...(ended && { ended }),
  }
}

/** The same before the owner's next epoch, or its next id: it stands until the owner has sent everything again. */
export function formerOf(owner: NodeId, { history }: Heard, entry: Entry | undefined): Heard {
  return { epoch: '', history, ...(entry && { former: ownedBy(owner, entry) }) }
}

export function ownedBy(owner: NodeId, entry: Entry): Entry {
  return { ...entry, owner, target: { ...entry.target, node: owner } }
}

function presentSnapshot({ snapshot }: Heard, { born }: Listing): Snapshot | undefined {
  return snapshot && snapshot.number > born ? snapshot.value : undefined
}

/** An agent that has just started is still searching for what its former self had found. */
function formerEndpoint({ former }: Heard, finding: Finding): Endpoint | undefined {
  return finding.kind === 'searching' ? former?.endpoint : undefined
}

function nextEpoch(owner: NodeId, heard: Heard | undefined, epoch: string): Heard {
  const former = heard && entryOf(owner, heard)
  return { epoch, history: former?.history ?? [], ...(former && { former }) }
}

type Numbered = NonNullable<Heard['listing']>

function isNews(known: Numbered | undefined, next: Numbered): boolean {
  if (!known || next.born !== known.born) return next.born > (known?.born ?? 0)
  return next.number > known.number
}
