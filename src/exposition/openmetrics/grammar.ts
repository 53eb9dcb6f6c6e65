// OpenMetrics 0.0.1 and 1.0.0. The grammar is that of Prometheus 3, which requires less than the standard:
// any suffix and any order of families pass.

import {
  CLOSE,
  COMMA,
  classOf,
  EQUALS,
  HASH,
  METRIC_START,
  NEWLINE,
  NUL,
  OPEN,
  QUOTE,
  SPACE,
} from '../scan/bytes.ts'
import { isAt, lineEnd, readFamilyName, readType, typeWords } from '../scan/meta.ts'
import { floatOf, readFloat } from '../scan/number.ts'
import { characterAt, MetricsError } from '../scan/position.ts'
import { EntryKind, type Scan } from '../scan/scan.ts'
import { labelNameEnd, quotedEnd, readSeries, readValue } from '../scan/series.ts'

const types = typeWords({
  counter: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  gaugehistogram: 'gaugehistogram',
  summary: 'summary',
  info: 'info',
  stateset: 'stateset',
  unknown: 'unknown',
})
const HELP = Buffer.from('# HELP ')
const TYPE = Buffer.from('# TYPE ')
const UNIT = Buffer.from('# UNIT ')
const EOF = Buffer.from('# EOF')
const exemplarStart = Buffer.from('# {')

export function nextInOpenMetrics(scan: Scan): EntryKind {
  const { body, at: i } = scan
  scan.start = i
  if (i >= body.length) throw new MetricsError(i, 'the metrics do not end with # EOF')
  if ((classOf[body[i]!]! & METRIC_START) !== 0 || body[i] === OPEN) return readSample(scan)
  if (isAt(body, i, HELP)) return readMetadata(scan, EntryKind.help)
  if (isAt(body, i, TYPE)) return readMetadata(scan, EntryKind.type)
  if (isAt(body, i, UNIT)) return readMetadata(scan, EntryKind.unit)
  if (isAt(body, i, EOF)) return readEnd(scan)
  throw new MetricsError(
    i,
    `expected a metric's name, # HELP, # TYPE, # UNIT or # EOF, found ${characterAt(body, i)}`,
  )
}

function readSample(scan: Scan): EntryKind {
  const { body } = scan
  let i = readSeries(scan)
  scan.valueStart = i + 1
  i = readSpaced(scan, i, 'a value')
  scan.valueEnd = i

  scan.timeStart = scan.timeEnd = i
  if (body[i] === SPACE && body[i + 1] !== HASH) {
    scan.timeStart = i + 1
    i = readTime(scan, i)
    scan.timeEnd = i
  }
  scan.hasExemplar = body[i] === SPACE
  if (scan.hasExemplar) i = readExemplar(scan, i + 1)
  if (body[i] !== NEWLINE)
    throw new MetricsError(i, `expected the end of the line, found ${characterAt(body, i)}`)
  scan.at = i + 1
  return EntryKind.sample
}

/** Reads a number after exactly one space, and returns where it ends. */
function readSpaced(scan: Scan, at: number, what: string): number {
  if (scan.body[at] !== SPACE)
    throw new MetricsError(at, `expected a space and ${what}, found ${characterAt(scan.body, at)}`)
  return readFloat(scan, at + 1, what)
}

function readTime(scan: Scan, at: number): number {
  const end = readSpaced(scan, at, 'a timestamp')
  if (!Number.isFinite(floatOf(scan.text(at + 1, end))))
    throw new MetricsError(at + 1, 'the timestamp is not finite')
  return end
}

/** Reads `# {labels} value` with an optional timestamp. */
function readExemplar(scan: Scan, at: number): number {
  const { body } = scan
  const differing = exemplarStart.findIndex((byte, i) => body[at + i] !== byte)
  if (differing >= 0)
    throw new MetricsError(
      at + differing,
      `expected an exemplar as # {…}, found ${characterAt(body, at + differing)}`,
    )
  scan.exemplarLabels = []
  let i = at + exemplarStart.length
  while (body[i] !== CLOSE) {
    i = readExemplarLabel(scan, i)
    if (body[i] === COMMA) i++
    else if (body[i] !== CLOSE) throw new MetricsError(i, `expected , or }, found ${characterAt(body, i)}`)
  }
  scan.exemplarValueStart = i + 2
  i = readSpaced(scan, i + 1, "the exemplar's value")
  scan.exemplarValueEnd = scan.exemplarTimeStart = scan.exemplarTimeEnd = i
  if (body[i] !== SPACE) return i
  scan.exemplarTimeStart = i + 1
  scan.exemplarTimeEnd = readTime(scan, i)
  return scan.exemplarTimeEnd
}

function readExemplarLabel(scan: Scan, at: number): number {
  const { body } = scan
  const equals = body[at] === QUOTE ? quotedEnd(scan, at) + 1 : labelNameEnd(scan, at)
  if (body.subarray(at, equals).includes(NEWLINE))
    throw new MetricsError(at, "a newline in an exemplar's label")
  if (body[equals] !== EQUALS)
    throw new MetricsError(equals, `expected =, found ${characterAt(body, equals)}`)
  const value = equals + 2
  if (body[equals + 1] !== QUOTE)
    throw new MetricsError(equals + 1, `expected a value in quotes, found ${characterAt(body, equals + 1)}`)
  const end = readValue(scan, value)
  scan.checkUtf8(value, end, "an exemplar's label")
  if (body.subarray(value, end).includes(NUL)) throw new MetricsError(value, 'a NUL byte in an exemplar')
  const quotes = body[at] === QUOTE ? 1 : 0
  scan.exemplarLabels.push(at + quotes, equals - quotes, value, end)
  return end + 1
}

function readMetadata(
  scan: Scan,
  kind: typeof EntryKind.help | typeof EntryKind.type | typeof EntryKind.unit,
): EntryKind {
  const { body, start } = scan
  const nameEnd = readFamilyName(scan, start + HELP.length)
  const end = lineEnd(scan, nameEnd)
  if (body[nameEnd] !== SPACE)
    throw new MetricsError(nameEnd, `expected a space, found ${characterAt(body, nameEnd)}`)
  if (end === body.length) throw new MetricsError(end, 'the metrics do not end with # EOF')
  scan.textStart = nameEnd + 1
  scan.textEnd = end
  if (kind === EntryKind.type) scan.type = readType(scan, types)
  else if (kind === EntryKind.help) scan.checkUtf8(scan.textStart, scan.textEnd, 'a help text')
  else checkUnit(scan)
  scan.at = end + 1
  return kind
}

function checkUnit(scan: Scan): void {
  const unit = scan.text(scan.textStart, scan.textEnd)
  if (unit === '' || scan.text(scan.nameStart, scan.nameEnd).endsWith(`_${unit}`)) return
  throw new MetricsError(
    scan.textStart,
    `the unit ${unit} is not the end of the name ${scan.text(scan.nameStart, scan.nameEnd)}`,
  )
}

function readEnd(scan: Scan): EntryKind {
  const { body, start } = scan
  const after = start + EOF.length
  const end = body[after] === NEWLINE ? after + 1 : after
  if (end < body.length) throw new MetricsError(end, 'more lines after # EOF')
  return EntryKind.end
}
