// Validation of protobuf: what Prometheus 3 refuses is refused.

import { isHistogram, type MetricType } from '../family.ts'
import type { Invalid, Limits, Valid } from '../format.ts'
import { classOf, LABEL_PART, LABEL_START, METRIC_PART, METRIC_START } from '../scan/bytes.ts'
import { excerpt, MetricsError, textOf } from '../scan/position.ts'
import { isSame, twice } from '../scan/series.ts'
import { type FamilyParts, metricTypes, readFamily } from './family.ts'
import {
  checkName,
  distribution,
  FAMILY,
  histogramOf,
  LABEL,
  METRIC,
  metric,
  readField,
  readMessage,
  readMetric,
} from './messages.ts'
import { isOneSeries, seriesCountOf } from './metric.ts'
import { checkNative, isNative } from './native.ts'
import { WireReader } from './wire.ts'

export function validate(body: Uint8Array, limits: Limits): Valid | Invalid {
  const checker = createChecker(body, limits)
  try {
    return checker.checkAll()
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error
    // to a binary format the place is a byte
    return { ok: false, line: 1, column: error.position + 1, reason: error.message + checker.positionText() }
  }
}

/** Labels that Prometheus makes itself: a second one of the name would cost all the metrics. */
const nameLabel = Buffer.from('__name__')
const madeLabels: Readonly<Partial<Record<MetricType, Uint8Array>>> = {
  summary: Buffer.from('quantile'),
  histogram: Buffer.from('le'),
  gaugehistogram: Buffer.from('le'),
}

/** Of so few labels it is quickest to compare all. */
const few = 32

function createChecker(body: Uint8Array, { maxSeries, maxLineBytes }: Limits) {
  const reader = new WireReader(body)
  const bytes = reader.body
  let series = 0
  let hasUtf8Names = false
  let family: FamilyParts | undefined

  // of the metric that is being read
  /** Where the names of its first labels begin and end. */
  const labelNames = new Int32Array(2 * few)
  let labelCount = 0

  function checkAll(): Valid {
    for (let next = readFamily(reader); next; next = readFamily(reader)) {
      // Prometheus doesn't check a family without metrics
      if (next.metricsStart !== undefined) checkFamily(next)
      family = undefined
      reader.at = next.end
    }
    return { ok: true, series, hasUtf8Names }
  }

  function checkFamily(checked: FamilyParts): void {
    const { start: familyStart, end: familyEnd, name, help, unit } = checked
    if (name.start === name.end) throw new MetricsError(familyStart, 'a family without a name')
    family = checked
    if (!isPlain(name.start, name.end, METRIC_START, METRIC_PART)) {
      hasUtf8Names = true
      checkName(reader, name.start, name.end, 'the name')
    }
    if (help) checkText(help.start, help.end, 'the help text')
    if (unit) checkText(unit.start, unit.end, 'the unit')
    const type = metricTypes[checked.type]
    if (type === undefined) throw new MetricsError(familyStart, `no type has the number ${checked.type}`)
    reader.at = checked.metricsStart ?? familyEnd
    while (reader.next(familyEnd)) {
      if (reader.field !== FAMILY.metric) {
        reader.skip(familyEnd)
        continue
      }
      const end = reader.message(familyEnd)
      const start = reader.at
      if (end - start > maxLineBytes) throw new MetricsError(start, `longer than ${maxLineBytes} bytes`)
      checkMetric(start, end, madeLabels[type])
      series += seriesOf(type, start, end)
      if (series > maxSeries) throw new MetricsError(start, `more than ${maxSeries} series`)
      reader.at = end
    }
  }

  function checkText(start: number, end: number, what: string): void {
    if (end - start > maxLineBytes) throw new MetricsError(start, `longer than ${maxLineBytes} bytes`)
    if (!reader.isUtf8(start, end)) throw new MetricsError(start, `${what} is not valid UTF-8`)
  }

  function checkMetric(start: number, end: number, made: Uint8Array | undefined): void {
    labelCount = 0
    while (reader.next(end))
      if (reader.field === METRIC.label) checkLabel(reader.message(end), made)
      else readField(reader, end, metric)
    if (labelCount > few) checkAllLabelNames(start, end)
  }

  function checkLabel(end: number, made: Uint8Array | undefined): void {
    const start = reader.at
    let nameStart = start
    let nameEnd = start
    let valueStart = start
    let valueEnd = start
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
    if (!isPlain(nameStart, nameEnd, LABEL_START, LABEL_PART)) {
      hasUtf8Names = true
      checkName(reader, nameStart, nameEnd, "a label's name")
    }
    if (isRepeated(nameStart, nameEnd, made)) throw twice(nameStart, textOf(bytes, nameStart, nameEnd))
    if (labelCount < few) {
      labelNames[2 * labelCount] = nameStart
      labelNames[2 * labelCount + 1] = nameEnd
    }
    labelCount++
    if (!reader.isUtf8(valueStart, valueEnd))
      throw new MetricsError(valueStart, "a label's value is not valid UTF-8")
  }

  /** Whether the metric has a label of that name, as far as its first labels show. */
  function isRepeated(start: number, end: number, made: Uint8Array | undefined): boolean {
    const size = end - start
    const isName = (label: Uint8Array) => size === label.length && isSame(bytes, start, label, 0, size)
    if (isName(nameLabel) || (made && isName(made))) return true
    for (let at = 0; at < 2 * Math.min(few, labelCount); at += 2)
      if (
        labelNames[at + 1]! - labelNames[at]! === size &&
        isSame(bytes, start, bytes, labelNames[at]!, size)
      )
        return true
    return false
  }

  /** Whether a name needs no quotes. */
  function isPlain(start: number, end: number, first: number, part: number): boolean {
    if ((classOf[bytes[start]!]! & first) === 0) return false
    for (let at = start + 1; at < end; at++) if ((classOf[bytes[at]!]! & part) === 0) return false
    return true
  }

  function checkAllLabelNames(start: number, end: number): void {
    const names = new Set<string>()
    reader.at = start
    for (const { name } of readMetric(reader, end).label) {
      if (names.has(name)) throw twice(start, name)
      names.add(name)
    }
  }

  /** Of a metric that is valid, but maybe as a native histogram. */
  function seriesOf(type: MetricType, start: number, end: number): number {
    if (isOneSeries(type)) return 1
    reader.at = start
    const decoded = distribution.empty()
    readMessage(reader, end, distribution, decoded)
    const histogram = histogramOf(decoded)
    if (isHistogram(type) && isNative(histogram)) checkNative(histogram, start)
    return seriesCountOf(type, decoded)
  }

  return {
    checkAll,
    /** In which family the checks ended, for a message. */
    positionText: () =>
      family ? `, in the family ${excerpt(bytes, family.name.start, family.name.end)}` : '',
  }
}
