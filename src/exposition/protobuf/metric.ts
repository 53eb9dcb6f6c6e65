// A metric message of valid metrics: undecoded, for protobuf again, and as the samples that other formats have of it.

import {
  type Exemplar,
  isHistogram,
  type Label,
  type MetricType,
  type RawMetric,
  type Sample,
} from '../family.ts'
import { printFloat } from '../scan/number.ts'
import { emptyHistogram, isNative, readHistogram, seriesOfHistogram } from './histogram.ts'
import {
  BUCKET,
  COUNTER,
  EXEMPLAR,
  HISTOGRAM,
  LABEL,
  METRIC,
  QUANTILE,
  SUMMARY,
  TIMESTAMP,
  VALUE,
} from './schema.ts'
import { WireReader } from './wire.ts'

export interface MetricParts {
  readonly labels: readonly Label[]
  readonly timestampMs: bigint | undefined
  /** All other fields, as they are in the body. */
  readonly fields: Uint8Array
}

export function readMetric(reader: WireReader, start: number, end: number): MetricParts {
  const labels: Label[] = []
  const fields: Uint8Array[] = []
  let timestampMs: bigint | undefined
  reader.at = start
  for (let from = start; reader.next(end); from = reader.at) {
    if (reader.field === METRIC.label) {
      const label = readLabel(reader, reader.bytes(end))
      // as Prometheus has them: an empty label is none
      if (label.value !== '') labels.push(label)
    } else if (reader.field === METRIC.timestampMs) timestampMs = timestampOf(reader.int64(end))
    else {
      reader.skip(end)
      fields.push(reader.body.subarray(from, reader.at))
    }
  }
  return { labels, timestampMs, fields: fields.length === 1 ? fields[0]! : Buffer.concat(fields) }
}

/** To Prometheus 0 is no timestamp. */
const timestampOf = (timestampMs: bigint) => (timestampMs === 0n ? undefined : timestampMs)

function readLabel(reader: WireReader, end: number): Label {
  let name = ''
  let value = ''
  while (reader.next(end)) {
    if (reader.field === LABEL.name) name = reader.text(end)
    else if (reader.field === LABEL.value) value = reader.text(end)
    else reader.skip(end)
  }
  return { name, value }
}

export function rawMetric(type: MetricType, fields: Uint8Array): RawMetric {
  if (isHistogram(type)) {
    const facts = emptyHistogram()
    eachMessage(fields, METRIC.histogram, (reader, end) => readHistogram(reader, end, facts))
    return { type, isNative: isNative(facts), series: seriesOfHistogram(facts), fields }
  }
  const series = type === 'summary' ? 2 + readSummary(fields).quantiles.length : 1
  return { type, isNative: false, series, fields }
}

/** The samples that expfmt, Prometheus' library, writes into the text formats. A native histogram's buckets are in none. */
export function samplesOf(name: string, type: MetricType, parts: MetricParts): Sample[] {
  const { labels, timestampMs, fields } = parts
  const sample = (suffix: string, value: number, added?: Label, exemplar?: Exemplar): Sample => ({
    name: name + suffix,
    labels: added ? [...labels, added] : labels,
    value: printFloat(value),
    timestampMs,
    exemplar,
    raw: undefined,
  })
  if (type === 'summary') {
    const { quantiles, sum, count } = readSummary(fields)
    return [
      ...quantiles.map(({ quantile, value }) =>
        sample('', value, { name: 'quantile', value: printFloat(quantile) }),
      ),
      sample('_sum', sum),
      sample('_count', count),
    ]
  }
  if (isHistogram(type)) {
    const { buckets, sum, count } = readClassic(fields)
    return [
      ...buckets.map((bucket) =>
        sample(
          '_bucket',
          bucket.count,
          { name: 'le', value: printFloat(bucket.upperBound) },
          bucket.exemplar,
        ),
      ),
      sample('_sum', sum),
      sample('_count', count),
    ]
  }
  const { value, exemplar } = readValue(fields, fieldOf(type))
  return [sample('', value, undefined, exemplar)]
}

function fieldOf(type: MetricType): number {
  if (type === 'counter') return METRIC.counter
  return type === 'gauge' ? METRIC.gauge : METRIC.untyped
}

/** A field can come in several parts, which are put together. */
export function eachMessage(
  fields: Uint8Array,
  field: number,
  read: (reader: WireReader, end: number) => void,
): void {
  const reader = new WireReader(fields)
  while (reader.next(fields.length)) {
    if (reader.field === field) read(reader, reader.bytes(fields.length))
    else reader.skip(fields.length)
  }
}

function readValue(fields: Uint8Array, field: number) {
  let value = 0
  let exemplar: Exemplar | undefined
  eachMessage(fields, field, (reader, end) => {
    while (reader.next(end)) {
      if (reader.field === VALUE) value = reader.double(end)
      else if (field === METRIC.counter && reader.field === COUNTER.exemplar)
        exemplar = readExemplar(reader, reader.bytes(end))
      else reader.skip(end)
    }
  })
  return { value, exemplar }
}

function readSummary(fields: Uint8Array) {
  const quantiles: { quantile: number; value: number }[] = []
  let count = 0
  let sum = 0
  eachMessage(fields, METRIC.summary, (reader, end) => {
    while (reader.next(end)) {
      if (reader.field === SUMMARY.count) count = reader.varint(end)
      else if (reader.field === SUMMARY.sum) sum = reader.double(end)
      else if (reader.field === SUMMARY.quantile) quantiles.push(readQuantile(reader, reader.bytes(end)))
      else reader.skip(end)
    }
  })
  return { quantiles, count, sum }
}

function readQuantile(reader: WireReader, end: number) {
  let quantile = 0
  let value = 0
  while (reader.next(end)) {
    if (reader.field === QUANTILE.quantile) quantile = reader.double(end)
    else if (reader.field === QUANTILE.value) value = reader.double(end)
    else reader.skip(end)
  }
  return { quantile, value }
}

interface Bucket {
  readonly upperBound: number
  readonly count: number
  readonly exemplar: Exemplar | undefined
}

/** The classic side of a histogram, up to the bucket without an upper bound, which there always is. */
function readClassic(fields: Uint8Array) {
  const all: Bucket[] = []
  let integers = 0
  let floats = 0
  let sum = 0
  eachMessage(fields, METRIC.histogram, (reader, end) => {
    while (reader.next(end)) {
      if (reader.field === HISTOGRAM.count) integers = reader.varint(end)
      else if (reader.field === HISTOGRAM.countFloat) floats = reader.double(end)
      else if (reader.field === HISTOGRAM.sum) sum = reader.double(end)
      else if (reader.field === HISTOGRAM.bucket) all.push(readBucket(reader, reader.bytes(end)))
      else reader.skip(end)
    }
  })
  const count = floats === 0 ? integers : floats
  const infinity = all.findIndex(({ upperBound }) => upperBound === Infinity)
  const last = { upperBound: Infinity, count, exemplar: undefined }
  return { buckets: infinity < 0 ? [...all, last] : all.slice(0, infinity + 1), count, sum }
}

function readBucket(reader: WireReader, end: number): Bucket {
  let integers = 0
  let floats = 0
  let upperBound = 0
  let exemplar: Exemplar | undefined
  while (reader.next(end)) {
    if (reader.field === BUCKET.count) integers = reader.varint(end)
    else if (reader.field === BUCKET.countFloat) floats = reader.double(end)
    else if (reader.field === BUCKET.upperBound) upperBound = reader.double(end)
    else if (reader.field === BUCKET.exemplar) exemplar = readExemplar(reader, reader.bytes(end))
    else reader.skip(end)
  }
  return { upperBound, count: floats === 0 ? integers : floats, exemplar }
}

function readExemplar(reader: WireReader, end: number): Exemplar {
  const labels: Label[] = []
  let value = 0
  let timestampMs: bigint | undefined
  while (reader.next(end)) {
    if (reader.field === EXEMPLAR.label) labels.push(readLabel(reader, reader.bytes(end)))
    else if (reader.field === EXEMPLAR.value) value = reader.double(end)
    else if (reader.field === EXEMPLAR.timestamp) timestampMs = readTimestamp(reader, reader.bytes(end))
    else reader.skip(end)
  }
  return { labels, value: printFloat(value), timestampMs }
}

function readTimestamp(reader: WireReader, end: number): bigint {
  let seconds = 0n
  let nanos = 0
  while (reader.next(end)) {
    if (reader.field === TIMESTAMP.seconds) seconds = reader.int64(end)
    else if (reader.field === TIMESTAMP.nanos) nanos = reader.uint32(end) | 0
    else reader.skip(end)
  }
  return seconds * 1000n + BigInt(Math.trunc(nanos / 1e6))
}
