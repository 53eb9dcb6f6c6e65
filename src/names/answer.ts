// What is asked of the look-up, and what it answers.

import type { Trouble } from '../errors.ts'
import type { Entry, NodeId } from '../model.ts'

export interface Question {
  readonly name: string
  /** A slot, a node's name or id, or a container's id. */
  readonly replica?: string
  /** The node that is asked: what belongs to nodes is first looked for there. */
  readonly asked: NodeId
  /** Only what runs on the asked node. */
  readonly scope?: 'node'
}

export interface Replica {
  /** Its slot, or its number in Compose. */
  readonly slot: string
  /** Absent: the slot is meant to run, and no container of it is known. */
  readonly entry?: Entry
}

export type Answer =
  /** One container, whose page is shown as it is. */
  | { readonly kind: 'one'; readonly full: string; readonly entry: Entry }
  /** A service, whose replicas are shown side by side, in the order of their slots. May be empty. */
  | { readonly kind: 'replicas'; readonly full: string; readonly replicas: readonly Replica[] }
  /** It exists, but not in the scope that was asked for. */
  | { readonly kind: 'elsewhere'; readonly full: string }
  | { readonly kind: 'refused'; readonly trouble: Trouble }
