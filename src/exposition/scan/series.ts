// A series: the metric's name and its labels. Both grammars share this, but that text allows blanks between all of its
// parts, commas to miss, and newlines in a label's value.

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
import { characterAt, MetricsError } from './position.ts'
import type { Scan } from './scan.ts'

/** Reads the series at `start`, which begins with a name or a brace, and returns where it ends. */
export function readSeries(scan: Scan): number {
  const { body, start, end } = scan
  scan.quoted = false
  scan.labels.reset()
  let i = start
  while (i < end && (classOf[body[i]!]! & METRIC_PART) !== 0) i++
  scan.nameStart = i > start ? start : -1
  scan.nameEnd = i
  const brace = scan.strict ? i : skipBlanks(scan, i)
  return brace < end && body[brace] === OPEN ? readLabels(scan, brace + 1) : i
}

/** Reads what is between the braces, and returns the position after the closing one. */
function readLabels(scan: Scan, from: number): number {
  const { body, strict } = scan
  let i = from
  for (;;) {
    if (!strict) i = skipBlanks(scan, i)
    if (body[i] === CLOSE) break
    i = readLabel(scan, i)
    if (!strict) i = skipBlanks(scan, i)
    if (body[i] === COMMA) i++
    else if (strict && body[i] !== CLOSE)
      throw new MetricsError(i, `expected , or }, found ${characterAt(body, i)}`)
  }
  if (scan.nameStart < 0) throw new MetricsError(i, 'the metric has no name')
  return i + 1
}

/** Reads a label or the metric's name in quotes, and returns the position after it. */
function readLabel(scan: Scan, from: number): number {
  const { body, strict } = scan
  const quoted = body[from] === QUOTE
  const nameStart = quoted ? from + 1 : from
  const nameEnd = quoted ? quotedEnd(scan, from) : labelNameEnd(scan, from)
  const afterName = quoted ? nameEnd + 1 : nameEnd
  if (quoted) scan.checkUtf8(nameStart, nameEnd, 'a quoted name')
  const equals = strict ? afterName : skipBlanks(scan, afterName)
  if (quoted && (body[equals] === COMMA || body[equals] === CLOSE)) {
    setName(scan, nameStart, nameEnd)
    return equals
  }
  if (body[equals] !== EQUALS)
    throw new MetricsError(equals, `expected = after a label's name, found ${characterAt(body, equals)}`)
  const quote = strict ? equals + 1 : skipBlanks(scan, equals + 1)
  if (body[quote] !== QUOTE)
    throw new MetricsError(quote, `expected a label's value in quotes, found ${characterAt(body, quote)}`)
  const valueEnd = readValue(scan, quote + 1)
  if (nameStart === nameEnd) throw new MetricsError(nameStart, "a label's name is empty")
  scan.labels.add(nameStart, nameEnd, quote + 1, valueEnd)
  return valueEnd + 1
}

/** A quoted string in the braces that isn't a label's name is the metric's. */
function setName(scan: Scan, from: number, to: number): void {
  if (scan.nameStart >= 0)
    throw new MetricsError(from - 1, 'a second metric name, or a label without a value')
  if (from === to) throw new MetricsError(from, 'the metric name is empty')
  scan.nameStart = from
  scan.nameEnd = to
}

/** Reads the label's value that begins at `from`, and returns where its closing quote is. */
export function readValue(scan: Scan, from: number): number {
  const { body, end } = scan
  let i = from
  for (; i < end && body[i] !== QUOTE; i++) {
    if ((classOf[body[i]!]! & VALUE_SPECIAL) === 0) continue
    const escaped = body[i] === BACKSLASH
    if (escaped) i++
    // Prometheus would pass over it, so that the backslash would escape what comes next
    if (body[i] === NUL) throw new MetricsError(i, 'a NUL byte after a backslash')
    if (body[i] !== NEWLINE) continue
    if (escaped || scan.strict) throw new MetricsError(i, "the line ends within a label's value")
  }
  if (i >= end) throw new MetricsError(from - 1, "a label's value has no closing quote")
  scan.checkUtf8(from, i, "a label's value")
  return i
}

export function skipBlanks({ body, end }: Scan, from: number): number {
  let i = from
  while (i < end && isBlank(body[i]!)) i++
  return i
}

export function labelNameEnd({ body, end }: Scan, from: number): number {
  if (from >= end || (classOf[body[from]!]! & LABEL_START) === 0)
    throw new MetricsError(from, `expected a label's name or }, found ${characterAt(body, from)}`)
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
      throw new MetricsError(i, 'the line ends within a quoted name')
    if (body[i] === NUL) throw new MetricsError(i, 'a NUL byte in a quoted name')
  }
  if (i >= body.length) throw new MetricsError(from, 'a quoted name has no closing quote')
  scan.quoted = true
  return i
}
