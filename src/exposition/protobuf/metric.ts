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
  type DistributionMessage,
  type HistogramMessage,
  histogramOf,
  METRIC,
  type MetricMessage,
  readField,
  readMetric,
} from './messages.ts'
import { isNative } from './native.ts'
import { WireReader } from './wire.ts'

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

/** Whether Prometheus makes one series of each metric of the type: the others must be decoded to count theirs. */
export const isOneSeries = (type: MetricType) => type !== 'summary' && !isHistogram(type)

/** How many series Prometheus makes of a metric. */
export function seriesCountOf(type: MetricType, metric: DistributionMessage): number {
  if (isOneSeries(type)) return 1
  if (type === 'summary') return 2 + (metric.summary?.quantile.length ?? 0)
  const histogram = histogramOf(metric)
  const classic = 2 + classicBuckets(histogram).length
  if (!isNative(histogram)) return classic
  return histogram.bucket.length > 0 ? 1 + classic : 1
}

export function encodedMetric(type: MetricType, fields: Uint8Array): EncodedMetric {
  if (isOneSeries(type)) return { type, isNative: false, series: 1, fields }
  const metric = readMetric(new WireReader(fields), fields.length)
  const native = isHistogram(type) && isNative(histogramOf(metric))
  return { type, isNative: native, series: seriesCountOf(type, metric), fields }
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

/** The classic side of a histogram. */
function classicOf(histogram: HistogramMessage) {
  const buckets = classicBuckets(histogram).map((one) => ({
    upperBound: one.upperBound,
    count: countOf(one),
    exemplar: exemplarOf(one.exemplar),
  }))
  return { sum: histogram.sum, count: countOf(histogram), buckets }
}

/** The classic buckets up to the one without an upper bound, which there always is. */
function classicBuckets({ bucket, count, countFloat }: HistogramMessage): HistogramMessage['bucket'] {
  const infinity = bucket.findIndex(({ upperBound }) => upperBound === Infinity)
  if (infinity >= 0) return bucket.slice(0, infinity + 1)
  return [...bucket, { upperBound: Infinity, count, countFloat, exemplar: undefined }]
}

const countOf = ({ count, countFloat }: { readonly count: number; readonly countFloat: number }) =>
  countFloat === 0 ? count : countFloat

function exemplarOf(exemplar: messages.ExemplarMessage | undefined): Exemplar | undefined {
  if (!exemplar) return undefined
  const { label, value, timestamp } = exemplar
  const timestampMs = timestamp && timestamp.seconds * 1000n + BigInt(Math.trunc((timestamp.nanos | 0) / 1e6))
  return { labels: label, value: printFloat(value), timestampMs }
}
