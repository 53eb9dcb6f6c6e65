// What this room needs of the store. Everything peers say goes through `peers`; everything they are told comes
// from `own`.

import type { Trouble } from '../errors.ts'
import type {
  Catalogue,
  Change,
  Dated,
  Endpoint,
  Entry,
  Finding,
  NodeId,
  NodeView,
  Self,
  Snapshot,
  Target,
} from '../model.ts'

/** An own entry with the numbers of its parts. They only grow, within one epoch. */
export interface Versioned {
  readonly entry: Entry
  readonly directory: number
  readonly page: number
  readonly born: number
}

export interface OwnStore {
  readonly epoch: string
  self(): Self
  entries(): Iterable<Versioned>
  entry(id: string): Versioned | undefined
  catalogue(): Dated<Catalogue> | undefined
  /** The own side is complete. */
  isWhole(): boolean
}

interface Listing {
  readonly target: Target
  readonly finding: Finding
  readonly endpoint?: Endpoint
  readonly ended?: NonNullable<Entry['ended']>
  readonly born: number
}

export type Saying =
  | { readonly kind: 'listing'; readonly id: string; readonly number: number; readonly listing: Listing }
  | { readonly kind: 'snapshot'; readonly id: string; readonly number: number; readonly snapshot: Snapshot }
  | { readonly kind: 'gone'; readonly id: string; readonly born: number }

/** Merges: order, repetition and loss do no harm. */
export interface PeerStore {
  up(
    speaker: { readonly self: Self; readonly version: string; readonly epoch: string },
    trouble?: Trouble,
  ): void
  lost(node: NodeId, trouble?: Trouble): void
  measured(node: NodeId, roundTrip: number): void
  /** Returns whether the target is listed then. */
  say(node: NodeId, epoch: string, saying: Saying): boolean
  whole(node: NodeId, epoch: string): void
}

export interface SyncStore {
  readonly own: OwnStore
  readonly peers: PeerStore
  nodes(): readonly NodeView[]
  putRemoteCatalogue(catalogue: Catalogue, from: NodeId, age: number): void
  accuseSelf(trouble: Trouble | undefined): void
  subscribe(listener: (change: Change) => void): () => void
}
