// A message Metric of valid metrics: undecoded, for protobuf again, and as the samples that other formats have of it.

import {
  type EncodedMetric,
  type Exemplar,
  isHistogram,
  type Label,
  type MetricType,
  type Sample,
} from '../family.ts'
import { printFloat } from '../scan/number.ts'
import * as messages from './messages.ts'
import {
  BUCKET,
  HISTOGRAM,
  histogramOf,
  METRIC,
  type MetricMessage,
  readField,
  readMetric,
  SUMMARY,
} from './messages.ts'
import { isNative } from './native.ts'
import { FIXED64, WireReader } from './wire.ts'

export interface MetricParts {
  readonly labels: readonly Label[]
  readonly timestampMs: bigint | undefined
  /** All other fields, as they are in the body. */
  readonly fields: Uint8Array
}

/** Of the metric at which the reader is, and which ends at `end`. */
export function readParts(reader: WireReader, end: number): MetricParts {
  const metric = messages.metric.empty()
  const fields: Uint8Array[] = []
  for (let from = reader.at; reader.next(end); from = reader.at) {
    if (reader.field === METRIC.label || reader.field === METRIC.timestampMs)
      readField(reader, end, messages.metric, metric)
    else {
      reader.skip(end)
      fields.push(reader.body.subarray(from, reader.at))
    }
  }
  return { ...seriesOf(metric), fields: fields.length === 1 ? fields[0]! : Buffer.concat(fields) }
}

/** As Prometheus has them: an empty label is none, and 0 is no timestamp. */
const seriesOf = ({ label, timestampMs }: MetricMessage) => ({
  labels: label.filter(({ value }) => value !== ''),
  timestampMs: timestampMs === 0n ? undefined : timestampMs,
})

/** What decides how many series Prometheus makes of a metric: only as much of it as must be read to know. */
export interface PartCounts {
  quantiles: number
  /** The classic buckets that Prometheus reads: up to the one without an upper bound. */
  buckets: number
  hasInfinity: boolean
  /** Whether it has a field of native histograms. */
  mayBeNative: boolean
}

export const emptyCounts = (): PartCounts => ({
  quantiles: 0,
  buckets: 0,
  hasInfinity: false,
  mayBeNative: false,
})

const nativeFields: readonly number[] = [
  HISTOGRAM.zeroThreshold,
  HISTOGRAM.zeroCount,
  HISTOGRAM.negativeSpan,
  HISTOGRAM.positiveSpan,
]

/** Checks the field of a metric on which the reader is, and adds it to the counts. */
export function countParts(reader: WireReader, end: number, counts: PartCounts): void {
  if (reader.field === METRIC.histogram) countHistogramParts(reader, reader.message(end), counts)
  else if (reader.field === METRIC.summary) countSummaryParts(reader, reader.message(end), counts)
  else readField(reader, end, messages.metric)
}

function countSummaryParts(reader: WireReader, end: number, counts: PartCounts): void {
  while (reader.next(end)) {
    if (reader.field === SUMMARY.quantile) counts.quantiles++
    readField(reader, end, messages.summary)
  }
}

function countHistogramParts(reader: WireReader, end: number, counts: PartCounts): void {
  while (reader.next(end)) {
    if (reader.field === HISTOGRAM.bucket) countBucket(reader, reader.message(end), counts)
    else {
      counts.mayBeNative ||= nativeFields.includes(reader.field)
      readField(reader, end, messages.histogram)
    }
  }
}

function countBucket(reader: WireReader, end: number, counts: PartCounts): void {
  let upperBound = 0
  while (reader.next(end)) {
    if (reader.field === BUCKET.upperBound) {
      reader.expect(FIXED64)
      upperBound = reader.double(end)
    } else readField(reader, end, messages.bucket)
  }
  if (counts.hasInfinity) return
  counts.buckets++
  counts.hasInfinity = upperBound === Infinity
}

/** The series that Prometheus makes of a metric. */
export function seriesCountOf(type: MetricType, counts: PartCounts, isNative: boolean): number {
  if (type === 'summary') return 2 + counts.quantiles
  if (!isHistogram(type)) return 1
  const { buckets, hasInfinity } = counts
  const classic = 2 + buckets + (hasInfinity ? 0 : 1)
  if (!isNative) return classic
  return buckets > 0 ? 1 + classic : 1
}

export const hasParts = (type: MetricType) => type === 'summary' || isHistogram(type)

export function encodedMetric(type: MetricType, fields: Uint8Array): EncodedMetric {
  const counts = emptyCounts()
  const reader = new WireReader(fields)
  while (reader.next(fields.length)) countParts(reader, fields.length, counts)
  const native =
    isHistogram(type) &&
    counts.mayBeNative &&
    isNative(histogramOf(readMetric(new WireReader(fields), fields.length)))
  return { type, isNative: native, series: seriesCountOf(type, counts, native), fields }
}

/** The samples that expfmt, Prometheus' library, writes into the text formats. A native histogram's buckets are in none. */
export function samplesOf(name: string, type: MetricType, metric: MetricMessage): Sample[] {
  const { labels, timestampMs } = seriesOf(metric)
  const sample = (suffix: string, value: number, added?: Label, exemplar?: Exemplar): Sample => ({
    name: name + suffix,
    labels: added ? [...labels, added] : labels,
    value: printFloat(value),
    timestampMs,
    exemplar,
    encoded: undefined,
  })
  if (type === 'summary') {
    const { quantile, sum, count } = metric.summary ?? messages.summary.empty()
    return [
      ...quantile.map(({ quantile, value }) =>
        sample('', value, { name: 'quantile', value: printFloat(quantile) }),
      ),
      sample('_sum', sum),
      sample('_count', count),
    ]
  }
  if (isHistogram(type)) {
    const { sum, count, buckets } = classicOf(histogramOf(metric))
    return [
      ...buckets.map(({ upperBound, count, exemplar }) =>
        sample('_bucket', count, { name: 'le', value: printFloat(upperBound) }, exemplar),
      ),
      sample('_sum', sum),
      sample('_count', count),
    ]
  }
  if (type === 'counter')
    return [sample('', metric.counter?.value ?? 0, undefined, exemplarOf(metric.counter?.exemplar))]
  const { value = 0 } = (type === 'gauge' ? metric.gauge : metric.untyped) ?? {}
  return [sample('', value)]
}

/** The classic side of a histogram, up to the bucket without an upper bound, which there always is. */
function classicOf(histogram: messages.HistogramMessage) {
  const { bucket, sum } = histogram
  const count = countOf(histogram)
  const buckets = bucket.map((one) => ({
    upperBound: one.upperBound,
    count: countOf(one),
    exemplar: exemplarOf(one.exemplar),
  }))
  const infinity = buckets.findIndex(({ upperBound }) => upperBound === Infinity)
  const last = { upperBound: Infinity, count, exemplar: undefined }
  return { sum, count, buckets: infinity < 0 ? [...buckets, last] : buckets.slice(0, infinity + 1) }
}

const countOf = ({ count, countFloat }: { readonly count: number; readonly countFloat: number }) =>
  countFloat === 0 ? count : countFloat

function exemplarOf(exemplar: messages.ExemplarMessage | undefined): Exemplar | undefined {
  if (!exemplar) return undefined
  const { label, value, timestamp } = exemplar
  const timestampMs = timestamp && timestamp.seconds * 1000n + BigInt(Math.trunc((timestamp.nanos | 0) / 1e6))
  return { labels: label, value: printFloat(value), timestampMs }
}
