// Prometheus' text format, 0.0.4 and 1.0.0. The grammar is that of Prometheus 3, which reads both alike.

import { classOf, HASH, isBlank, isDigit, METRIC_START, NEWLINE, NUL, OPEN } from '../scan/bytes.ts'
import { isAt, lineEnd, readFamilyName, readType, typeWords } from '../scan/meta.ts'
import { isTooLarge, readFloat } from '../scan/number.ts'
import { characterAt, MetricsError, textOf } from '../scan/position.ts'
import { EntryKind, type Scan } from '../scan/scan.ts'
import { readSeries, skipBlanks } from '../scan/series.ts'

const types = typeWords({
  counter: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  summary: 'summary',
  untyped: 'unknown',
})
const HELP = Buffer.from('HELP')
const TYPE = Buffer.from('TYPE')

export function nextInText(scan: Scan): EntryKind {
  const { body, end } = scan
  let i = scan.at
  while (i < end && (body[i] === NEWLINE || isBlank(body[i]!))) i++
  scan.start = i
  // Prometheus reads a NUL at the beginning of a line as the end: programs in C send one now and then
  if (i >= end || body[i] === NUL) return EntryKind.end
  if ((classOf[body[i]!]! & METRIC_START) !== 0 || body[i] === OPEN) return readSample(scan)
  if (body[i] === HASH) return readComment(scan)
  throw new MetricsError(i, `expected a metric's name or #, found ${characterAt(body, i)}`)
}

function readSample(scan: Scan): EntryKind {
  const { body, end } = scan
  const value = skipBlanks(scan, readSeries(scan))
  let i = readFloat(scan, value, 'a value')
  scan.valueStart = value
  scan.valueEnd = i
  scan.timeStart = i
  scan.timeEnd = i
  if (i < end && body[i] !== NEWLINE) i = readTime(scan, i)
  scan.at = i < end ? i + 1 : end
  return EntryKind.sample
}

/** Reads the timestamp, if there is one, to the end of the line, and returns where that is. */
function readTime(scan: Scan, from: number): number {
  const { body, end } = scan
  const time = skipBlanks(scan, from)
  let i = time
  while (i < end && isDigit(body[i]!)) i++
  if (i > time) {
    if (isTooLarge(body, time, i)) throw new MetricsError(time, 'the timestamp is out of range')
    scan.timeStart = time
    scan.timeEnd = i
    i = skipBlanks(scan, i)
  }
  if (i < end && body[i] !== NEWLINE)
    throw new MetricsError(i, `expected a timestamp or the end of the line, found ${characterAt(body, i)}`)
  return i
}

function readComment(scan: Scan): EntryKind {
  const { body, start } = scan
  const word = skipBlanks(scan, start + 1)
  if (word > start + 1 && isBlank(body[word + 4] ?? 0)) {
    if (isAt(body, word, HELP)) return readMetadata(scan, EntryKind.help, word + 5)
    if (isAt(body, word, TYPE)) return readMetadata(scan, EntryKind.type, word + 5)
  }
  scan.at = Math.min(lineEnd(scan, start) + 1, body.length)
  if (endsAtNul(scan, word)) return EntryKind.end
  checkComment(scan, word)
  return EntryKind.comment
}

/** Prometheus passes over the NUL bytes in a comment before it checks whether it is one. */
function checkComment({ body, at }: Scan, word: number): void {
  const nul = body.subarray(word, at).indexOf(NUL)
  if (nul === -1) return
  const text = textOf(body, word, at).replaceAll('\0', '')
  if (/^(HELP|TYPE)[ \t]/.test(text)) throw new MetricsError(word + nul, 'a NUL byte in HELP or TYPE')
}

/** As at the beginning of a line, so in a comment that has no blank after its #, and just after that blank. */
function endsAtNul({ body, start, at }: Scan, word: number): boolean {
  if (body[word] === NUL) return true
  return word === start + 1 && body.subarray(start, at).includes(NUL)
}

function readMetadata(
  scan: Scan,
  kind: typeof EntryKind.help | typeof EntryKind.type,
  from: number,
): EntryKind {
  const { body } = scan
  const nameEnd = readFamilyName(scan, skipBlanks(scan, from))
  if (body[nameEnd] === NUL) throw new MetricsError(nameEnd, 'a NUL byte after the name')
  const end = lineEnd(scan, nameEnd)
  // one byte parts the name from the text, whichever it is; nothing but blanks is an empty text
  const empty = skipBlanks(scan, nameEnd) === end
  scan.textStart = empty ? end : nameEnd + 1
  scan.textEnd = end
  if (kind === EntryKind.type) scan.type = readType(scan, types)
  else checkHelp(scan)
  scan.at = Math.min(end + 1, body.length)
  return kind
}

/** A character of several bytes right after the name loses its first byte to what parts the two. */
function checkHelp(scan: Scan): void {
  const torn = scan.textEnd > scan.textStart && (scan.body[scan.textStart]! & 0xc0) === 0x80
  if (torn) throw new MetricsError(scan.textStart - 1, 'no blank between the name and its help text')
  scan.checkUtf8(scan.textStart, scan.textEnd, 'a help text')
}
