// Metadata lines, as far as both formats share them.

import { classOf, METRIC_START, NEWLINE, QUOTE } from './bytes.ts'
import { seen, shown } from './place.ts'
import { plainNameEnd } from './plain.ts'
import { Refused } from './refused.ts'
import type { MetricType, Scan } from './scan.ts'
import { quotedEnd } from './series.ts'

/** Whether `word` stands at `at`. */
export function isAt(body: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) if (body[at + i] !== word[i]) return false
  return true
}

/** Reads the family's name, quoted or not, and returns the position after it. */
export function readFamilyName(scan: Scan, from: number): number {
  const { body, start } = scan
  scan.quoted = false
  // the name takes the place of the sample's before: nothing can be taken over from that one any more
  scan.marked = 0
  if (body[from] === QUOTE) {
    const end = quotedEnd(scan, from)
    scan.nameStart = from + 1 - start
    scan.nameEnd = end - start
    return end + 1
  }
  if ((classOf[body[from] ?? 0]! & METRIC_START) === 0)
    throw new Refused(from, `expected a metric's name, found ${seen(body, from)}`)
  const i = plainNameEnd(scan, from)
  scan.nameStart = from - start
  scan.nameEnd = i - start
  return i
}

export type TypeWords = readonly { readonly word: Uint8Array; readonly type: MetricType }[]

const encoder = new TextEncoder()
export const typeWords = (words: Readonly<Record<string, MetricType>>): TypeWords =>
  Object.entries(words).map(([word, type]) => ({ word: encoder.encode(word), type }))

/** The type that fills the text of the entry. */
export function readType(scan: Scan, words: TypeWords): MetricType {
  const from = scan.start + scan.textStart
  const length = scan.textEnd - scan.textStart
  for (const { word, type } of words) if (word.length === length && isAt(scan.body, from, word)) return type
  const given = shown(scan.body, from, from + length)
  throw new Refused(
    from,
    `${given} is not a type: ${words.map(({ word }) => decoder.decode(word)).join(', ')}`,
  )
}
const decoder = new TextDecoder()

/** Where the line ends in which `from` lies: at its newline or at the end of the page. */
export function lineEnd({ view, end }: Scan, from: number): number {
  let i = from
  for (; i + 4 <= end; i += 4) {
    const word = view.getInt32(i, true) ^ 0x0a0a0a0a
    const found = (word - 0x01010101) & ~word & 0x80808080
    if (found !== 0) return i + ((31 - Math.clz32(found & -found)) >> 3)
  }
  while (i < end && view.getUint8(i) !== NEWLINE) i++
  return i
}
