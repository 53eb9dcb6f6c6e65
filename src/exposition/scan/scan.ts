// One pass over metrics as bytes: its position, and the parts of the entry that it is at.

import { isAscii, isUtf8 } from 'node:buffer'
import type { Label, MetricType } from '../family.ts'
import { unescaped } from './escapes.ts'
import { LabelPositions } from './label-positions.ts'
import { MetricsError, textOf } from './position.ts'

export const EntryKind = { end: 0, sample: 1, type: 2, help: 3, unit: 4, comment: 5 } as const
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind]

/** Moves a scan on by one entry and fills in its parts: what a grammar is. */
export type Next = (scan: Scan) => EntryKind

/** All positions are those of bytes in the body. */
export class Scan {
  readonly body: Uint8Array
  /** The body's length: to read it from the array in each turn of a loop costs more than the turn. */
  readonly end: number
  /** Whether OpenMetrics' grammar holds, which has no optional blanks. */
  readonly strict: boolean
  /** Whether the whole body is valid UTF-8, so that no part of it needs a check of its own. */
  readonly utf8: boolean

  /** Where the next entry begins, and where this one does. */
  at = 0
  start = 0
  /** A sample's metric, or the family that metadata describes; without the quotes. */
  nameStart = 0
  nameEnd = 0
  readonly labels: LabelPositions
  valueStart = 0
  valueEnd = 0
  /** The timestamp; empty if there is none. */
  timeStart = 0
  timeEnd = 0
  /** Whether the sample has an exemplar, whose labels are positions like those of `labels`. */
  hasExemplar = false
  exemplarLabels: number[] = []
  exemplarValueStart = 0
  exemplarValueEnd = 0
  exemplarTimeStart = 0
  exemplarTimeEnd = 0
  /** The text of metadata, and the type that it is if it is one. */
  textStart = 0
  textEnd = 0
  type: MetricType = 'unknown'
  /** Whether a name is in quotes, which only a reader of version 1.0.0 understands. */
  quoted = false

  private ascii: string | false | undefined

  constructor(body: Uint8Array, strict: boolean) {
    // always the same kind of array, so that the loops over it stay fast
    this.body = new Uint8Array(body.buffer, body.byteOffset, body.length)
    this.end = body.length
    this.strict = strict
    this.labels = new LabelPositions(this.body)
    this.utf8 = isUtf8(body)
  }

  text(from: number, to: number): string {
    // parts of one string are made much faster than strings of bytes, but only here a character is a byte
    this.ascii ??= isAscii(this.body) && textOf(this.body, 0, this.end)
    return this.ascii === false ? textOf(this.body, from, to) : this.ascii.slice(from, to)
  }

  name(): string {
    return unescaped(this.text(this.nameStart, this.nameEnd))
  }

  /** As Prometheus has them: an empty label is none. */
  labelsOfSample(): Label[] {
    const found: Label[] = []
    for (let at = 0; at < 4 * this.labels.count; at += 4) {
      const label = this.labelAt(this.labels.positions, at)
      if (label.value !== '') found.push(label)
    }
    return found
  }

  labelsOfExemplar(): Label[] {
    const found: Label[] = []
    for (let at = 0; at < this.exemplarLabels.length; at += 4)
      found.push(this.labelAt(this.exemplarLabels, at))
    return found
  }

  private labelAt(labels: ArrayLike<number>, at: number): Label {
    const name = unescaped(this.text(labels[at]!, labels[at + 1]!))
    return { name, value: unescaped(this.text(labels[at + 2]!, labels[at + 3]!)) }
  }

  /** Refuses the metrics if the part isn't valid UTF-8. */
  checkUtf8(from: number, to: number, what: string): void {
    if (!this.utf8 && !isUtf8(this.body.subarray(from, to)))
      throw new MetricsError(from, `${what} is not valid UTF-8`)
  }
}
