// What a format is to the rest of the program. Each has a folder of its own, and its place in the list in formats.ts.

import type { Format } from '../model.ts'
import type { Family, FamilyMetadata, MetricType, Sample } from './family.ts'

/** How names that need quotes are written for a client that doesn't accept quoted names. */
export const escapings = ['allow-utf-8', 'underscores', 'dots', 'values'] as const
export type Escaping = (typeof escapings)[number]

export interface Limits {
  readonly maxSeries: number
  /** Of one sample or metadata, in bytes. */
  readonly maxLineBytes: number
}

export interface Valid {
  readonly ok: true
  readonly series: number
  /** Whether a name in it needs a format that has quotes. */
  readonly hasUtf8Names: boolean
}

export interface Invalid {
  readonly ok: false
  readonly line: number
  readonly column: number
  readonly reason: string
}

/** As what metrics are parsed: for any format, for the same one with what no other has, for people. */
export type ParsedAs = 'samples' | 'encoded' | 'display'

/** More of one family come in several parts, so that they needn't be in memory all at once. */
export const maxParsedSamples = 1000

/** What all versions of a format share. */
export interface Grammar {
  /** Accepts what Prometheus 3 accepts. */
  validate(body: Uint8Array, limits: Limits): Valid | Invalid
  /**
   * The families in the order of the body, which must be valid. A family may come in several parts: where it is
   * interrupted, where it is declared anew, or where it is very large.
   */
  parse(body: Uint8Array, as: ParsedAs): Iterable<Family>
  /** A family of any format as the families that this one has instead. The first has its name and type. */
  familiesFor(family: Family): readonly Family[]
  /** Why a sample can't be expressed; undefined if it can. */
  unsupportedReason(sample: Sample): string | undefined
  /** What a family is named here. */
  nameOf(family: FamilyMetadata): string
  /** The families, by name, that can't have their type beside others here: each with the type that it clashes with. */
  typeConflicts(families: ReadonlyMap<string, FamilyMetadata>): ReadonlyMap<string, MetricType>
  printSample(sample: Sample): string
  /** To print one family after the other. */
  createPrinter(): FamilyPrinter
  /** What follows the last family. */
  readonly end: string
}

/** Prints a family of which not all is known at once, in not much more memory than its printed form. */
export interface FamilyPrinter {
  add(samples: readonly Sample[]): void
  /** With what is known of the family in the end. Names that need quotes are quoted. To be called once. */
  print(family: FamilyMetadata): Uint8Array
}

export interface ExpositionFormat {
  readonly name: Format
  readonly mediaType: string
  /** The parameters of the media type that name this format, such as its version. */
  readonly parameters: Readonly<Record<string, string>>
  /** Whether a media type without those parameters means this one: in a Content-Type, in an Accept header. */
  readonly isDefault: { readonly contentType: boolean; readonly accept: boolean }
  /** Whether a client that accepts anything gets it. */
  readonly isForWildcards: boolean
  /** Whether it can express names that need quotes. */
  readonly allowsUtf8Names: boolean
  readonly grammar: Grammar
}
