// Metadata lines, as far as both formats share them.

import type { MetricType } from '../family.ts'
import { classOf, METRIC_PART, METRIC_START, NEWLINE, QUOTE } from './bytes.ts'
import { characterAt, excerpt, MetricsError } from './position.ts'
import type { Scan } from './scan.ts'
import { quotedEnd } from './series.ts'

/** Whether `word` is at `at`. */
export function isAt(body: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) if (body[at + i] !== word[i]) return false
  return true
}

/** Reads the family's name, quoted or not, and returns the position after it. */
export function readFamilyName(scan: Scan, from: number): number {
  const { body, end } = scan
  scan.quoted = false
  if (body[from] === QUOTE) {
    scan.nameStart = from + 1
    scan.nameEnd = quotedEnd(scan, from)
    return scan.nameEnd + 1
  }
  if ((classOf[body[from] ?? 0]! & METRIC_START) === 0)
    throw new MetricsError(from, `expected a metric's name, found ${characterAt(body, from)}`)
  let i = from
  while (i < end && (classOf[body[i]!]! & METRIC_PART) !== 0) i++
  scan.nameStart = from
  scan.nameEnd = i
  return i
}

export type TypeWords = readonly { readonly word: Uint8Array; readonly type: MetricType }[]

const encoder = new TextEncoder()
export const typeWords = (words: Readonly<Record<string, MetricType>>): TypeWords =>
  Object.entries(words).map(([word, type]) => ({ word: encoder.encode(word), type }))

/** The type that fills the text of the entry. */
export function readType(scan: Scan, words: TypeWords): MetricType {
  const from = scan.textStart
  const length = scan.textEnd - from
  for (const { word, type } of words) if (word.length === length && isAt(scan.body, from, word)) return type
  const found = excerpt(scan.body, from, from + length)
  throw new MetricsError(
    from,
    `${found} is not a type: ${words.map(({ word }) => decoder.decode(word)).join(', ')}`,
  )
}
const decoder = new TextDecoder()

/** Where the line ends in which `from` lies: at its newline or at the end of the body. */
export function lineEnd({ body, end }: Scan, from: number): number {
  const newline = body.indexOf(NEWLINE, from)
  return newline < 0 ? end : newline
}
