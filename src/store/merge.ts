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

/** A part as its owner numbered it. */
export interface Numbered<T> {
  readonly number: number
  readonly value: T
}

/** All that was heard of one target in one epoch of its owner. */
export interface Heard {
  readonly epoch: string
  /** `undefined` inside: withdrawn. The number stays, so that an older listing can't bring it back. */
  readonly listing?: Numbered<Listing | undefined>
  readonly snapshot?: Numbered<Snapshot>
  readonly history: readonly Past[]
  /** What the owner's former epoch had: it stands until the present one has something newer. */
  readonly former?: Entry
}

export type Saying =
  | { readonly kind: 'listing'; readonly id: string; readonly number: number; readonly listing: Listing }
  | { readonly kind: 'snapshot'; readonly id: string; readonly number: number; readonly snapshot: Snapshot }
  | { readonly kind: 'gone'; readonly id: string; readonly number: number }

/** The same object if nothing in `saying` is news. */
export function merge(owner: NodeId, heard: Heard | undefined, epoch: string, saying: Saying): Heard {
  const base = heard?.epoch === epoch ? heard : nextEpoch(owner, heard, epoch)
  switch (saying.kind) {
    case 'listing':
      return isNews(base.listing, saying)
        ? { ...base, listing: { number: saying.number, value: saying.listing } }
        : base
    case 'snapshot':
      return isNews(base.snapshot, saying)
        ? {
            ...base,
            snapshot: { number: saying.number, value: saying.snapshot },
            history: remember(base.history, saying.snapshot),
          }
        : base
    case 'gone': {
      if (!isNews(base.listing, saying)) return base
      const { former, ...rest } = base
      return { ...rest, listing: { number: saying.number, value: undefined } }
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

function isNews(
  known: { readonly number: number } | undefined,
  { number }: { readonly number: number },
): boolean {
  return number > (known?.number ?? 0)
}
