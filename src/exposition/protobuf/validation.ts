// Validation of protobuf: what Prometheus 3 refuses is refused; what it accepts although something is wrong gets a
// remark.

import type { MetricType } from '../family.ts'
import type { Invalid, Limits, Valid } from '../format.ts'
import { plainMetric } from '../names.ts'
import { classOf, LABEL_PART, LABEL_START } from '../scan/bytes.ts'
import { hashOfBytes, hashSeed, mixed } from '../scan/duplicates.ts'
import { excerpt, MetricsError } from '../scan/position.ts'
import {
  checkNative,
  emptyHistogram,
  type HistogramFacts,
  isNative,
  readHistogram,
  seriesOfHistogram,
} from './histogram.ts'
import { createRepeats, createTypes } from './repeats.ts'
import {
  checkField,
  checkMessage,
  checkName,
  counterType,
  type FamilyParts,
  LABEL,
  METRIC,
  metricTypes,
  readFamily,
  SUMMARY,
  summaryType,
  valueType,
} from './schema.ts'
import { VARINT, WireReader } from './wire.ts'

export function validate(body: Uint8Array, limits: Limits): Valid | Invalid {
  const checker = createChecker(body, limits)
  try {
    return checker.checkAll()
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error
    // to a binary format the place is a byte
    return { ok: false, line: 1, column: error.position + 1, reason: error.message + checker.place() }
  }
}

/** The labels that Prometheus makes itself: a second one of the name would cost all the metrics. */
const madeLabels: Readonly<Partial<Record<MetricType, Uint8Array>>> = {
  summary: Buffer.from('quantile'),
  histogram: Buffer.from('le'),
  gaugehistogram: Buffer.from('le'),
}
const nameLabel = Buffer.from('__name__')

function createChecker(body: Uint8Array, { maxSeries, maxLineBytes }: Limits) {
  const reader = new WireReader(body)
  const bytes = reader.body
  const repeats = createRepeats(body)
  const types = createTypes()
  let series = 0
  let quoted = false
  let family: FamilyParts | undefined

  // of the metric that is being read
  let histogram: HistogramFacts | undefined
  let quantiles = 0
  let labelsHash = 0
  let isPlain = true
  let labelCount = 0
  const nameHashes: number[] = []
  let isSorted = true
  let previousStart = 0
  let previousEnd = 0

  function checkAll(): Valid {
    for (let next = readFamily(reader); next; next = readFamily(reader)) {
      // Prometheus doesn't check a family without metrics
      if (next.metrics.length > 0) checkFamily(next)
      family = undefined
    }
    return { ok: true, series, quoted, remarks: [...repeats.remarks(), ...types.remarks()] }
  }

  function checkFamily(checked: FamilyParts): void {
    const { start: familyStart, name, help, unit, metrics } = checked
    const after = reader.at
    if (name.start === name.end) throw new MetricsError(familyStart, 'a family without a name')
    family = checked
    const familyName = reader.textOf(name.start, name.end)
    if (!plainMetric.test(familyName)) {
      quoted = true
      checkName(reader, name.start, name.end, 'the name')
    }
    if (help) checkText(help.start, help.end, 'the help text')
    if (unit) checkText(unit.start, unit.end, 'the unit')
    const type = metricTypes[checked.type]
    if (type === undefined) throw new MetricsError(familyStart, `no type has the number ${checked.type}`)
    types.add(familyName, type)
    repeats.begin(checked)
    const nameHash = hashOfBytes(body, name.start, name.end, hashSeed)
    for (let at = 0; at < metrics.length; at += 2) {
      const [start, end] = [metrics[at]!, metrics[at + 1]!]
      if (end - start > maxLineBytes) throw new MetricsError(start, `longer than ${maxLineBytes} bytes`)
      checkMetric(start, end, madeLabels[type])
      series += seriesOf(type, start)
      if (series > maxSeries) throw new MetricsError(start, `more than ${maxSeries} series`)
      repeats.add(nameHash ^ labelsHash, start)
    }
    reader.at = after
  }

  function checkText(start: number, end: number, what: string): void {
    if (end - start > maxLineBytes) throw new MetricsError(start, `longer than ${maxLineBytes} bytes`)
    if (!reader.isUtf8(start, end)) throw new MetricsError(start, `${what} is not valid UTF-8`)
  }

  function checkMetric(start: number, end: number, madeLabel: Uint8Array | undefined): void {
    histogram = undefined
    quantiles = 0
    labelsHash = 0
    labelCount = 0
    isSorted = true
    previousStart = previousEnd = 0
    reader.at = start
    while (reader.next(end)) {
      switch (reader.field) {
        case METRIC.label:
          checkLabel(reader.message(end), madeLabel)
          break
        case METRIC.gauge:
        case METRIC.untyped:
          checkMessage(reader, reader.message(end), valueType)
          break
        case METRIC.counter:
          checkMessage(reader, reader.message(end), counterType)
          break
        case METRIC.summary:
          checkSummary(reader.message(end))
          break
        case METRIC.histogram:
          histogram ??= emptyHistogram()
          readHistogram(reader, reader.message(end), histogram)
          break
        case METRIC.timestampMs:
          reader.expect(VARINT)
          reader.varint(end)
          break
        default:
          reader.skip(end)
      }
    }
    if (!isSorted && mayRepeat(nameHashes.slice(0, labelCount))) checkLabelNames(start, end)
  }

  function checkLabel(end: number, madeLabel: Uint8Array | undefined): void {
    let nameStart = reader.at
    let nameEnd = nameStart
    let valueStart = nameStart
    let valueEnd = nameStart
    const start = reader.at
    while (reader.next(end)) {
      if (reader.field === LABEL.name) {
        nameEnd = reader.message(end)
        nameStart = reader.at
        reader.at = nameEnd
      } else if (reader.field === LABEL.value) {
        valueEnd = reader.message(end)
        valueStart = reader.at
        reader.at = valueEnd
      } else reader.skip(end)
    }
    if (nameStart === nameEnd) throw new MetricsError(start, "a label's name is empty")
    const nameHash = hashText(nameStart, nameEnd, hashSeed)
    if (!isPlain || (classOf[bytes[nameStart]!]! & LABEL_START) === 0) {
      quoted = true
      checkName(reader, nameStart, nameEnd, "a label's name")
    }
    nameHashes[labelCount++] = nameHash
    isSorted &&= isLess(body, previousStart, previousEnd, nameStart, nameEnd)
    if (
      isText(body, nameStart, nameEnd, nameLabel) ||
      (madeLabel && isText(body, nameStart, nameEnd, madeLabel))
    )
      throw new MetricsError(nameStart, `the label ${reader.textOf(nameStart, nameEnd)} occurs twice`)
    previousStart = nameStart
    previousEnd = nameEnd
    if (valueStart === valueEnd) return
    labelsHash ^= hashText(valueStart, valueEnd, nameHash)
    if (!isPlain && !reader.isUtf8(valueStart, valueEnd))
      throw new MetricsError(valueStart, "a label's value is not valid UTF-8")
  }

  /** The hash of a text, and in the same loop whether all of it may be in a name without quotes. */
  function hashText(from: number, to: number, before: number): number {
    let hash = before
    let classes = LABEL_PART
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!
      classes &= classOf[byte]!
      hash = Math.imul(hash ^ byte, 0x9e3779b1)
    }
    isPlain = classes !== 0
    return mixed(hash)
  }

  /** Two labels of one name cost all the metrics. */
  function checkLabelNames(start: number, end: number): void {
    const names = new Set<string>()
    reader.at = start
    while (reader.next(end)) {
      if (reader.field !== METRIC.label) {
        reader.skip(end)
        continue
      }
      const from = reader.at
      const name = readLabelName(reader, reader.bytes(end))
      if (names.has(name)) throw new MetricsError(from, `the label ${name} occurs twice`)
      names.add(name)
    }
  }

  function checkSummary(end: number): void {
    while (reader.next(end)) {
      if (reader.field === SUMMARY.quantile) quantiles++
      checkField(reader, end, summaryType)
    }
  }

  function seriesOf(type: MetricType, position: number): number {
    if (type === 'summary') return 2 + quantiles
    if (type !== 'histogram' && type !== 'gaugehistogram') return 1
    const facts = histogram ?? emptyHistogram()
    if (isNative(facts)) checkNative(facts, position)
    return seriesOfHistogram(facts)
  }

  return {
    checkAll,
    /** In which family the checks ended, for a message. */
    place: () => (family ? `, in the family ${excerpt(bytes, family.name.start, family.name.end)}` : ''),
  }
}

function isText(body: Uint8Array, from: number, to: number, text: Uint8Array): boolean {
  if (to - from !== text.length) return false
  for (let at = 0; at < text.length; at++) if (body[from + at] !== text[at]) return false
  return true
}

/** Of so few labels it is quickest to compare all. */
const few = 32

function mayRepeat(hashes: readonly number[]): boolean {
  return hashes.length > few || hashes.some((hash, at) => hashes.indexOf(hash) < at)
}

/** Whether the first of two texts comes before the second. */
function isLess(body: Uint8Array, a: number, aEnd: number, b: number, bEnd: number): boolean {
  const size = Math.min(aEnd - a, bEnd - b)
  for (let at = 0; at < size; at++) {
    const difference = body[a + at]! - body[b + at]!
    if (difference !== 0) return difference < 0
  }
  return aEnd - a < bEnd - b
}

function readLabelName(reader: WireReader, end: number): string {
  let name = ''
  while (reader.next(end)) {
    if (reader.field === LABEL.name) name = reader.text(end)
    else reader.skip(end)
  }
  return name
}
