// The state of one pass over a page: where it stands and what the entry is that it stands on.

import { isUtf8 } from 'node:buffer'
import { textOf } from './place.ts'
import { Refused } from './refused.ts'

export const Kind = { end: 0, sample: 1, type: 2, help: 3, unit: 4, comment: 5 } as const
export type Kind = (typeof Kind)[keyof typeof Kind]

/** `unknown` is OpenMetrics' word for what the text format calls untyped. */
export type MetricType =
  | 'counter'
  | 'gauge'
  | 'histogram'
  | 'summary'
  | 'unknown'
  | 'info'
  | 'stateset'
  | 'gaugehistogram'

/** How many labels of a sample the next one can take over. */
export const mostMarks = 32

/** What is kept of each: the hash of what stands before it, and that of its name. */
export const Mark = { hash: 0, name: 1, size: 2 } as const

/**
 * One pass over a page. `next` of a format moves it on by an entry and fills in what the entry is made of.
 *
 * All positions of an entry's parts are relative to `start`, its first byte. So what two lines that follow
 * each other begin with alike needs no second look: the parts found in the first hold for the second.
 */
export class Scan {
  readonly body: Uint8Array
  readonly view: DataView
  /** The page's length: to ask the array for it in each turn of a loop costs more than the turn. */
  readonly end: number
  /** Whether OpenMetrics' grammar holds, which has no optional blanks. */
  readonly strict: boolean
  /** Whether the whole page is valid UTF-8, so that no part of it needs to be checked by itself. */
  readonly utf8: boolean

  /** Where the next entry begins. */
  at = 0
  /** Where this one does. */
  start = 0
  /** A sample's metric, or the family that metadata speaks of; without the quotes. */
  nameStart = 0
  nameEnd = 0
  /** Where the labels' names and values begin and end: four numbers a label, without the quotes. */
  labels = new Int32Array(4 * mostMarks)
  count = 0
  /** Just after the opening brace and just before the closing one; both 0 without braces. */
  braceStart = 0
  braceEnd = 0
  valueStart = 0
  valueEnd = 0
  /** The timestamp; empty if there is none. */
  timeStart = 0
  timeEnd = 0
  /** The exemplar from its `#` to its end; empty if there is none. */
  exemplarStart = 0
  exemplarEnd = 0
  /** The text of metadata. */
  textStart = 0
  textEnd = 0
  /** What metadata says that the family is. */
  type: MetricType = 'unknown'
  /** Of the series: the same for all ways to write it, and for the same labels in another order. */
  hash = 0
  /** Whether the name is, to the byte, that of the sample before. */
  sameName = false
  /** Whether a name is in quotes, which only a reader of version 1.0.0 understands. */
  quoted = false
  /** Whether the series is written in the plain way: without quoted names and needless escapes. */
  plain = false
  /** Whether blanks stand between the labels of a plain series, which only the text format has. */
  blanks = false
  /** Whether a plain series has a needless comma before the closing brace, as some libraries write it. */
  comma = false

  /** Where the sample before this one began, and what can be taken over from it (see plain.ts). */
  before = 0
  /** With how many bytes, so far as was looked, that one and this begin alike. */
  sameHead = 0
  /** How many of its labels have a mark. */
  marked = 0
  readonly marks = new Int32Array(Mark.size * mostMarks)
  /** The plain name that was read last, here or in metadata, at its absolute position. */
  lastName = 0
  lastNameSize = 0
  /** Its hash, once somebody asked for it; before that 0. */
  nameHash = 0
  /** Of the label's value that was read last. */
  valueHash = 0

  constructor(body: Uint8Array, strict: boolean, utf8 = isUtf8(body)) {
    // always the same kind of array, so that the loops over it stay fast
    this.body = new Uint8Array(body.buffer, body.byteOffset, body.length)
    this.view = new DataView(body.buffer, body.byteOffset, body.length)
    this.end = body.length
    this.strict = strict
    this.utf8 = utf8
  }

  /** The bytes of a part of the entry. */
  bytes(from: number, to: number): Uint8Array {
    return this.body.subarray(this.start + from, this.start + to)
  }

  text(from: number, to: number): string {
    return textOf(this.body, this.start + from, this.start + to)
  }

  get name(): string {
    return this.text(this.nameStart, this.nameEnd)
  }

  /** The sample's metric and labels, as they are written. */
  get series(): string {
    return this.text(0, this.braceStart > 0 ? this.braceEnd + 1 : this.nameEnd)
  }

  /** Refuses the page if the part isn't valid UTF-8. */
  checkUtf8(from: number, to: number, what: string): void {
    if (!this.utf8 && !isUtf8(this.bytes(from, to)))
      throw new Refused(this.start + from, `${what} is not valid UTF-8`)
  }

  addLabel(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    const at = 4 * this.count++
    if (at === this.labels.length) this.labels = doubled(this.labels)
    this.labels[at] = nameStart
    this.labels[at + 1] = nameEnd
    this.labels[at + 2] = valueStart
    this.labels[at + 3] = valueEnd
  }

  /** As they are written, without the quotes. */
  labelNames(): string[] {
    return Array.from({ length: this.count }, (_, label) =>
      this.text(this.labels[4 * label]!, this.labels[4 * label + 1]!),
    )
  }

  /** Whether one of the first `count` labels has this name. */
  hasLabel(name: Uint8Array, count: number): boolean {
    for (let at = 0; at < 4 * count; at += 4) {
      const from = this.labels[at]!
      const to = this.labels[at + 1]!
      if (to - from === name.length && Buffer.compare(name, this.bytes(from, to)) === 0) return true
    }
    return false
  }
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * array.length)
  larger.set(array)
  return larger
}
