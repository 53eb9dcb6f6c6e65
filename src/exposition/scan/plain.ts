// The fast way through a series that is written in the plain way, as nearly all are: a name without quotes,
// labels with at most a blank between them, with no other escapes than are needed. Whatever isn't, series.ts reads from its start.
//
// Two things make it fast. Lines that follow each other mostly begin alike, and have the same labels: what is
// the same as in the line before is compared, eight bytes at a time, and not read. And a label's value is read
// four bytes at a time.

import { alike } from './alike.ts'
import {
  BACKSLASH,
  CLOSE,
  COMMA,
  classOf,
  EQUALS,
  LABEL_PART,
  LABEL_START,
  LETTER_N,
  METRIC_PART,
  NEWLINE,
  OPEN,
  QUOTE,
  SPACE,
} from './bytes.ts'
import { firstOf, hashOf, labelHash, mix, Part, textHashOf, wholeHashOf } from './hash.ts'
import { Mark, mostMarks, type Scan } from './scan.ts'

/** Reads the series at `start` and returns where it ends; 0 if it isn't plain. */
export function readPlainSeries(scan: Scan): number {
  const { body, view, start, end, labels, marks, before, marked } = scan
  let count = takeOver(scan)
  let i = start
  let hash = 0
  /** Whether the labels so far have the names of those before, which are known to be different. */
  let sameNames = true
  scan.sameName = count >= 0
  scan.before = start
  scan.marked = 0
  scan.quoted = false
  scan.plain = false
  scan.comma = false
  // what is taken over may have the blanks
  if (count < 0) scan.blanks = false
  if (count >= 0) {
    i += labels[4 * count]!
    hash = marks[Mark.size * count + Mark.hash]!
  } else {
    i = plainNameEnd(scan, start)
    if (i === start || i >= end) return 0
    hash = lastNameHash(scan)
    scan.nameStart = 0
    scan.nameEnd = i - start
    scan.count = 0
    scan.braceStart = 0
    scan.braceEnd = 0
    if (body[i] !== OPEN) {
      scan.hash = hash
      scan.plain = isPlainValue(scan, i)
      return scan.plain ? i : 0
    }
    i++
    scan.braceStart = i - start
    count = 0
  }

  while (i < end && body[i] !== CLOSE) {
    if (count === mostMarks) return 0
    if (body[i] === SPACE && count > 0 && !scan.strict) {
      scan.blanks = true
      i++
    }
    const label = 4 * count
    const mark = Mark.size * count
    const nameStart = i
    const nameSize = count < marked ? labels[label + 1]! - labels[label]! : 0
    let nameHash: number
    if (
      nameSize > 0 &&
      (labels[label + 2]! <= scan.sameHead ||
        (i + nameSize + 2 <= end && alike(view, before + labels[label]!, view, i, nameSize + 2)))
    ) {
      i += nameSize
      nameHash = marks[mark + Mark.name]!
    } else {
      if ((classOf[body[i]!]! & LABEL_START) === 0) return 0
      while (i < end && (classOf[body[i]!]! & LABEL_PART) !== 0) i++
      if (i + 2 >= end || body[i] !== EQUALS || body[i + 1] !== QUOTE) return 0
      nameHash = hashOf(view, nameStart, i, Part.label)
      sameNames = false
    }
    const nameEnd = i
    if (!sameNames) {
      if (isTaken(scan, nameStart, nameEnd, nameHash, count)) return 0
      marks[mark + Mark.name] = nameHash
    }
    marks[mark + Mark.hash] = hash

    const valueStart = nameEnd + 2
    i = readPlainValue(scan, valueStart)
    if (i === 0 || i + 1 >= end) return 0
    // an empty label is none
    if (i > valueStart) hash ^= labelHash(nameHash, scan.valueHash)
    labels[label] = nameStart - start
    labels[label + 1] = nameEnd - start
    labels[label + 2] = valueStart - start
    labels[label + 3] = i - start
    count++
    i++
    if (body[i] === CLOSE) break
    if (body[i] !== COMMA) return 0
    i++
  }
  if (i >= end) return 0
  scan.comma = body[i - 1] === COMMA
  scan.count = count
  scan.marked = count
  scan.braceEnd = i - start
  scan.hash = hash
  scan.plain = true
  return i + 1
}

/** Where the plain name ends that begins at `from`. Mostly it is the one that was read last. */
export function plainNameEnd(scan: Scan, from: number): number {
  const { body, view, end, lastName, lastNameSize } = scan
  const same = sameHead(view, lastName, from, Math.min(lastNameSize, end - from))
  let i = from + same
  while (i < end && (classOf[body[i]!]! & METRIC_PART) !== 0) i++
  if (i - from !== same || same !== lastNameSize) scan.nameHash = 0
  scan.lastName = from
  scan.lastNameSize = i - from
  return i
}

/** The hash of the plain name that was read last: of a family's samples as of its metadata, made once for all. */
export function lastNameHash(scan: Scan): number {
  if (scan.nameHash === 0)
    scan.nameHash = wholeHashOf(scan.view, scan.lastName, scan.lastName + scan.lastNameSize, Part.name)
  return scan.nameHash
}

/** The label that Prometheus keeps a metric's name in: each series has it already. */
export const metricLabel = Buffer.from('__name__')
const metricHash = textHashOf('__name__', Part.label)
/** Whether the name is the metric's, or one of the first labels'. Hardly ever more than the hashes is looked at. */
function isTaken(scan: Scan, from: number, to: number, hash: number, count: number): boolean {
  let alike = hash === metricHash
  for (let at = Mark.name; at < Mark.size * count; at += Mark.size) if (scan.marks[at] === hash) alike = true
  if (!alike) return false
  const name = scan.body.subarray(from, to)
  return metricLabel.equals(name) || scan.hasLabel(name, count)
}

/** How many labels of the series before are this one's too; -1 if not even the name is. */
function takeOver(scan: Scan): number {
  const { labels } = scan
  let label = scan.marked - 1
  if (label < 0) return -1
  const { view, before, start, end } = scan
  const same = sameHead(view, before, start, Math.min(labels[4 * label + 2]!, end - start))
  scan.sameHead = same
  while (label >= 0 && labels[4 * label]! > same) label--
  return label
}

/** With how many of `most` bytes both places begin alike; 0 if they are less than eight. */
function sameHead(view: DataView, one: number, other: number, most: number): number {
  const last = most - 8
  if (last < 0) return 0
  for (let at = 0; at < last; at += 8)
    if (view.getBigInt64(one + at) !== view.getBigInt64(other + at))
      return at + sameOfEight(view, one + at, other + at)
  return view.getBigInt64(one + last) === view.getBigInt64(other + last)
    ? most
    : last + sameOfEight(view, one + last, other + last)
}

/** With how many bytes eight begin alike with eight others, that differ. */
function sameOfEight(view: DataView, one: number, other: number): number {
  const odd = view.getInt32(one, true) ^ view.getInt32(other, true)
  return odd === 0
    ? 4 + sameOfFour(view.getInt32(one + 4, true) ^ view.getInt32(other + 4, true))
    : sameOfFour(odd)
}
const sameOfFour = (odd: number) => (31 - Math.clz32(odd & -odd)) >> 3

/**
 * Reads a label's value to its closing quote, and leaves its hash in the scan; 0 if it has newlines, or escapes that
 * stand for themselves.
 */
export function readPlainValue(scan: Scan, from: number): number {
  const { body, view, end } = scan
  const last = end - 4
  let hash: number = Part.value
  let escaped = -1
  for (let i = from; i <= last; i += 4) {
    const word = view.getInt32(i, true)
    for (let special = specials(word); special !== 0; special &= special - 1) {
      const at = i + ((31 - Math.clz32(special & -special)) >> 3)
      if (at === escaped) continue
      if (body[at] === QUOTE) {
        scan.valueHash = mix(hash, firstOf(word, at - i))
        return at
      }
      if (body[at] === NEWLINE) return 0
      if (body[at] !== BACKSLASH) continue
      if (!isEscape(body[at + 1])) return 0
      escaped = at + 1
    }
    hash = mix(hash, word)
  }
  return 0
}

/** Whether a backslash has a meaning before it. */
const isEscape = (byte: number | undefined) => byte === QUOTE || byte === BACKSLASH || byte === LETTER_N

/**
 * The highest bit of each byte that could be special: of those below #, which a quote and a newline are, and
 * of backslashes. A byte above such a one may be marked without being one.
 */
function specials(word: number): number {
  const backslash = word ^ 0x5c5c5c5c
  return (((word - 0x23232323) & ~word) | ((backslash - 0x01010101) & ~backslash)) & 0x80808080
}

/** Whether exactly a space parts the name from a value, and no brace hides behind blanks. */
const isPlainValue = ({ body, end }: Scan, at: number) =>
  at + 1 < end && body[at] === SPACE && body[at + 1]! > SPACE && body[at + 1] !== OPEN
