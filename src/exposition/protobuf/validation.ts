// Validation of protobuf: what Prometheus 3 refuses is refused.

import { isHistogram, type MetricType } from '../family.ts'
import type { Invalid, Limits, Valid } from '../format.ts'
import { classOf, LABEL_PART, LABEL_START, METRIC_PART, METRIC_START } from '../scan/bytes.ts'
import { LabelPositions, twice } from '../scan/label-positions.ts'
import { isAt } from '../scan/meta.ts'
import { excerpt, MetricsError } from '../scan/position.ts'
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
const madeLabels: Readonly<Partial<Record<MetricType, Uint8Array>>> = {
  summary: Buffer.from('quantile'),
  histogram: Buffer.from('le'),
  gaugehistogram: Buffer.from('le'),
}

function createChecker(body: Uint8Array, { maxSeries, maxLineBytes }: Limits) {
  const reader = new WireReader(body)
  const bytes = reader.body
  let series = 0
  let hasUtf8Names = false
  let family: FamilyParts | undefined
  /** Those of the metric that is being read. */
  const labels = new LabelPositions(bytes)

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
      checkMetric(end, madeLabels[type])
      series += seriesOf(type, start, end)
      if (series > maxSeries) throw new MetricsError(start, `more than ${maxSeries} series`)
      reader.at = end
    }
  }

  function checkText(start: number, end: number, what: string): void {
    if (end - start > maxLineBytes) throw new MetricsError(start, `longer than ${maxLineBytes} bytes`)
    if (!reader.isUtf8(start, end)) throw new MetricsError(start, `${what} is not valid UTF-8`)
  }

  function checkMetric(end: number, made: Uint8Array | undefined): void {
    labels.reset()
    while (reader.next(end))
      if (reader.field === METRIC.label) checkLabel(reader.message(end), made)
      else readField(reader, end, metric)
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
    if (made?.length === nameEnd - nameStart && isAt(bytes, nameStart, made))
      throw twice(bytes, nameStart, nameEnd)
    labels.add(nameStart, nameEnd, valueStart, valueEnd)
    if (!reader.isUtf8(valueStart, valueEnd))
      throw new MetricsError(valueStart, "a label's value is not valid UTF-8")
  }

  /** Whether a name needs no quotes. */
  function isPlain(start: number, end: number, first: number, part: number): boolean {
    if ((classOf[bytes[start]!]! & first) === 0) return false
    for (let at = start + 1; at < end; at++) if ((classOf[bytes[at]!]! & part) === 0) return false
    return true
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
