// A series: the metric's name and its labels. Both formats share this grammar, but that text allows blanks
// between all of its parts, commas to miss, and newlines in a label's value.

import {
  BACKSLASH,
  CLOSE,
  COMMA,
  classOf,
  EQUALS,
  isBlank,
  LABEL_PART,
  LABEL_START,
  METRIC_PART,
  NEWLINE,
  NUL,
  OPEN,
  QUOTE,
  VALUE_SPECIAL,
} from './bytes.ts'
import { escaped, unescaped } from './escapes.ts'
import { finish, hashOf, labelHash, Part, textHashOf } from './hash.ts'
import { seen, textOf } from './place.ts'
import { metricLabel, readPlainSeries, readPlainValue } from './plain.ts'
import { Refused } from './refused.ts'
import { mostMarks, type Scan } from './scan.ts'

/** Reads the series at `start`, which begins with a name or a brace, and returns where it ends. */
export function readSeries(scan: Scan): number {
  return (scan.utf8 && readPlainSeries(scan)) || readAnySeries(scan)
}

function readAnySeries(scan: Scan): number {
  const { body, start, end } = scan
  scan.marked = 0
  scan.sameName = false
  scan.quoted = false
  scan.plain = false
  scan.hash = 0
  scan.count = 0
  scan.braceStart = 0
  scan.braceEnd = 0
  let i = start
  while (i < end && (classOf[body[i]!]! & METRIC_PART) !== 0) i++
  scan.nameStart = i > start ? 0 : -1
  scan.nameEnd = i - start
  const brace = scan.strict ? i : skipBlanks(scan, i)
  if (brace < end && body[brace] === OPEN) i = readLabels(scan, brace + 1)
  scan.hash ^= nameHashOf(scan)
  return i
}

/** Reads what stands between the braces, and returns the position after the closing one. */
function readLabels(scan: Scan, from: number): number {
  const { body, start, strict } = scan
  const isTaken = namesOf(scan)
  scan.braceStart = from - start
  let i = from
  for (;;) {
    if (!strict) i = skipBlanks(scan, i)
    if (body[i] === CLOSE) break
    i = readLabel(scan, i, isTaken)
    if (!strict) i = skipBlanks(scan, i)
    if (body[i] === COMMA) i++
    else if (strict && body[i] !== CLOSE) throw new Refused(i, `expected , or }, found ${seen(body, i)}`)
  }
  if (scan.nameStart < 0) throw new Refused(i, 'the metric has no name')
  scan.braceEnd = i - start
  return i + 1
}

/** Reads a label or the metric's name in quotes, and returns the position after it. */
function readLabel(scan: Scan, from: number, isTaken: IsTaken): number {
  const { body, start, strict } = scan
  const quoted = body[from] === QUOTE
  const nameStart = quoted ? from + 1 : from
  const nameEnd = quoted ? quotedEnd(scan, from) : labelNameEnd(scan, from)
  const afterName = quoted ? nameEnd + 1 : nameEnd
  if (quoted) scan.checkUtf8(nameStart - start, nameEnd - start, 'a quoted name')
  const equals = strict ? afterName : skipBlanks(scan, afterName)
  if (quoted && (body[equals] === COMMA || body[equals] === CLOSE)) {
    takeName(scan, nameStart, nameEnd)
    return equals
  }
  if (body[equals] !== EQUALS)
    throw new Refused(equals, `expected = after a label's name, found ${seen(body, equals)}`)
  const quote = strict ? equals + 1 : skipBlanks(scan, equals + 1)
  if (body[quote] !== QUOTE)
    throw new Refused(quote, `expected a label's value in quotes, found ${seen(body, quote)}`)
  const valueEnd = readHashedValue(scan, quote + 1)
  checkName(scan, nameStart, nameEnd, isTaken)
  scan.addLabel(nameStart - start, nameEnd - start, quote + 1 - start, valueEnd - start)
  // an empty label is none
  if (valueEnd > quote + 1)
    scan.hash ^= labelHash(partHashOf(scan, nameStart, nameEnd, Part.label), scan.valueHash)
  return valueEnd + 1
}

/** A quoted string in the braces that isn't a label's name is the metric's. */
function takeName(scan: Scan, from: number, to: number): void {
  if (scan.nameStart >= 0) throw new Refused(from - 1, 'a second metric name, or a label without a value')
  if (from === to) throw new Refused(from, 'the metric name is empty')
  scan.nameStart = from - scan.start
  scan.nameEnd = to - scan.start
}

/** Prometheus drops the whole page for a series that has two labels of one name. */
function checkName(scan: Scan, from: number, to: number, isTaken: IsTaken): void {
  const { body } = scan
  if (from === to) throw new Refused(from, "a label's name is empty")
  if (isTaken(body.subarray(from, to)))
    throw new Refused(from, `the label ${textOf(body, from, to)} stands twice`)
}

type IsTaken = (name: Uint8Array) => boolean

/** Whether a name is one of those that the series has. Of few it is quicker to compare all. */
function namesOf(scan: Scan): IsTaken {
  let many: Set<string> | undefined
  return (name) => {
    if (metricLabel.equals(name)) return true
    if (scan.count < mostMarks) return scan.hasLabel(name, scan.count)
    many ??= new Set(scan.labelNames())
    const text = Buffer.from(name).toString()
    if (many.has(text)) return true
    many.add(text)
    return false
  }
}

/** Reads the label's value that begins at `from`, leaves its hash in the scan, and returns where its closing quote is. */
function readHashedValue(scan: Scan, from: number): number {
  const plainEnd = scan.utf8 ? readPlainValue(scan, from) : 0
  if (plainEnd > 0) return plainEnd
  const end = readValue(scan, from)
  scan.valueHash = textHashOf(escaped(unescaped(textOf(scan.body, from, end))), Part.value)
  return end
}

/** Reads the label's value that begins at `from`, and returns where its closing quote is. */
export function readValue(scan: Scan, from: number): number {
  const { body, start, end } = scan
  let i = from
  for (; i < end && body[i] !== QUOTE; i++) {
    if ((classOf[body[i]!]! & VALUE_SPECIAL) === 0) continue
    const escaped = body[i] === BACKSLASH
    if (escaped) i++
    // Prometheus would pass over it, so that the backslash stood before what comes next
    if (body[i] === NUL) throw new Refused(i, 'a NUL byte after a backslash')
    if (body[i] !== NEWLINE) continue
    if (escaped || scan.strict) throw new Refused(i, "the line ends within a label's value")
  }
  if (i >= end) throw new Refused(from - 1, "a label's value has no closing quote")
  scan.checkUtf8(from - start, i - start, "a label's value")
  return i
}

export function skipBlanks({ body, end }: Scan, from: number): number {
  let i = from
  while (i < end && isBlank(body[i]!)) i++
  return i
}

export function labelNameEnd({ body, end }: Scan, from: number): number {
  if (from >= end || (classOf[body[from]!]! & LABEL_START) === 0)
    throw new Refused(from, `expected a label's name or }, found ${seen(body, from)}`)
  let i = from
  while (i < end && (classOf[body[i]!]! & LABEL_PART) !== 0) i++
  return i
}

/** Where the quoted name that opens at `from` has its closing quote. */
export function quotedEnd(scan: Scan, from: number): number {
  const { body } = scan
  let i = from + 1
  for (; i < body.length && body[i] !== QUOTE; i++) {
    if (body[i] === BACKSLASH && body[++i] === NEWLINE)
      throw new Refused(i, 'the line ends within a quoted name')
    if (body[i] === NUL) throw new Refused(i, 'a NUL byte in a quoted name')
  }
  if (i >= body.length) throw new Refused(from, 'a quoted name has no closing quote')
  scan.quoted = true
  return i
}

/** The same as of the same name without quotes. */
const nameHashOf = (scan: Scan) =>
  finish(partHashOf(scan, scan.start + scan.nameStart, scan.start + scan.nameEnd, Part.name))

function partHashOf({ body, view, quoted }: Scan, from: number, to: number, part: number): number {
  const mayBeEscaped = quoted && body.subarray(from, to).includes(BACKSLASH)
  return mayBeEscaped ? textHashOf(unescaped(textOf(body, from, to)), part) : hashOf(view, from, to, part)
}
