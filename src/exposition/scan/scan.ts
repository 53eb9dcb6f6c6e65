// The state of one pass over a page: where it stands and what the entry is that it stands on.

import { isUtf8 } from 'node:buffer'
import { NEWLINE } from './bytes.ts'

export const Kind = { end: 0, sample: 1, type: 2, help: 3, unit: 4, comment: 5 } as const
export type Kind = (typeof Kind)[keyof typeof Kind]

/** `unknown` is OpenMetrics' word for what the text format calls untyped. */
export const metricTypes = [
  'counter',
  'gauge',
  'histogram',
  'summary',
  'unknown',
  'info',
  'stateset',
  'gaugehistogram',
] as const
export type MetricType = (typeof metricTypes)[number]

/** What Prometheus wouldn't take, and where. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly position: number

  constructor(position: number, reason: string) {
    super(reason)
    this.position = position
  }
}

/**
 * One pass over a page. `next` of a format moves it on by an entry and fills in what the entry is made of.
 *
 * All positions of an entry's parts are relative to `start`, its first byte. So what two lines that follow
 * each other begin with alike needs no second look: the parts found in the first hold for the second.
 */
export class Scan {
  readonly body: Uint8Array
  readonly view: DataView
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
  labels = new Int32Array(4 * 32)
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
  /** Whether the name is, to the byte, that of the sample before. */
  sameName = false
  /** Whether a name is in quotes, which only a reader of version 1.0.0 understands. */
  quoted = false
  /** Whether a label's value holds a newline as it is, which only text allows. */
  multiline = false
  /** The text of metadata. */
  textStart = 0
  textEnd = 0
  /** Of the series: the same for all ways to write it, and for the same labels in another order. */
  hash = 0

  /** What metadata says that the family is. */
  type: MetricType = 'unknown'
  /** The names of this sample's labels, where they are very many. */
  names: Set<string> | undefined

  /** Where the sample before this one began, and what can be taken over from it (see series.ts). */
  before = 0
  reusable = 0
  safe = new Int32Array(33)
  hashes = new Int32Array(33)
  masks = new Int32Array(33)

  constructor(body: Uint8Array, strict: boolean, utf8 = isUtf8(body)) {
    // always the same kind of array, so that the loops over it stay fast
    this.body = new Uint8Array(body.buffer, body.byteOffset, body.length)
    this.view = new DataView(body.buffer, body.byteOffset, body.length)
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

  /** A part of the page for a message, at absolute positions. */
  shown(from: number, to: number): string {
    const most = 60
    return textOf(this.body, from, Math.min(to, from + most)) + (to - from > most ? '…' : '')
  }

  /** Refuses the page if the part isn't valid UTF-8. */
  checkUtf8(from: number, to: number, what: string): void {
    if (!this.utf8 && !isUtf8(this.bytes(from, to)))
      throw new Refused(this.start + from, `${what} is not valid UTF-8`)
  }

  makeRoom(): void {
    if (4 * this.count < this.labels.length) return
    this.labels = grown(this.labels, this.labels.length * 2)
    this.safe = grown(this.safe, this.safe.length * 2)
    this.hashes = grown(this.hashes, this.hashes.length * 2)
    this.masks = grown(this.masks, this.masks.length * 2)
  }
}

function grown(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length)
  larger.set(array)
  return larger
}

export function textOf(body: Uint8Array, from: number, to: number): string {
  const part = body.subarray(from, to)
  return Buffer.from(part.buffer, part.byteOffset, part.length).toString('utf8')
}

/** Line and column, both from 1, the column in characters. */
export function placeOf(body: Uint8Array, position: number): { line: number; column: number } {
  let line = 1
  let lineStart = 0
  for (let at = body.indexOf(NEWLINE); at >= 0 && at < position; at = body.indexOf(NEWLINE, lineStart)) {
    line++
    lineStart = at + 1
  }
  return { line, column: [...textOf(body, lineStart, position)].length + 1 }
}

/** What stands at a position, for a message. */
export function seen(body: Uint8Array, position: number): string {
  if (position >= body.length) return 'the end of the page'
  if (body[position] === NEWLINE) return 'the end of the line'
  const [first = ''] = textOf(body, position, Math.min(position + 4, body.length))
  return JSON.stringify(first)
}
