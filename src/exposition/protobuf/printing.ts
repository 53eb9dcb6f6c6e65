// From families to protobuf: metrics that came as protobuf are written as they were, but for their labels.

import type { Declared, Exemplar, Label, MetricType, Sample } from '../family.ts'
import type { FamilyPrinter } from '../format.ts'
import { counterName } from '../names.ts'
import { floatOf } from '../scan/number.ts'
import { groupSamples, isCount, type PlainMetric, valueMetric } from './groups.ts'
import {
  BUCKET,
  COUNTER,
  EXEMPLAR,
  FAMILY,
  HISTOGRAM,
  LABEL,
  METRIC,
  metricTypes,
  QUANTILE,
  SUMMARY,
  TIMESTAMP,
  VALUE,
} from './schema.ts'
import { BYTES, sizeOfBytes, WireWriter } from './wire.ts'

export function createPrinter(): FamilyPrinter {
  /**
   * A message for each type, and one for native histograms apart from classic ones: Prometheus before 3.7 reads all
   * metrics of a message as what the first is.
   */
  const messages = new Map<string, { readonly type: MetricType; readonly metrics: WireWriter }>()
  let samples: Sample[] = []

  function metricsOf(type: MetricType, isNative = false): WireWriter {
    const key = isNative ? `native ${type}` : type
    const message = messages.get(key) ?? { type, metrics: new WireWriter() }
    messages.set(key, message)
    return message.metrics
  }

  return {
    add(added): void {
      for (const sample of added) {
        if (!sample.raw) samples.push(sample)
        else writeMetric(metricsOf(sample.raw.type, sample.raw.isNative), sample, sample.raw.fields)
      }
    },
    print(family): Uint8Array {
      const { metrics, others } = groupSamples(family, samples)
      samples = []
      for (const metric of metrics) writePlain(metricsOf(metric.type), metric)
      const writer = new WireWriter()
      for (const { type, metrics } of messages.values()) writeFamily(writer, { ...family, type }, metrics)
      messages.clear()
      for (const [name, series] of others) {
        const metrics = new WireWriter()
        for (const sample of series) writePlain(metrics, valueMetric('unknown', sample))
        writeFamily(writer, { ...family, name, type: 'unknown' }, metrics)
      }
      return writer.written()
    },
  }
}

function writeFamily(writer: WireWriter, { name, type, help, unit }: Declared, metrics: WireWriter): void {
  const head = new WireWriter().text(FAMILY.name, name)
  if (help !== undefined) head.text(FAMILY.help, help)
  head.uint(FAMILY.type, metricTypes.indexOf(type ?? 'unknown'))
  // Prometheus before 3.9 refuses all metrics for another unit
  if (unit && (type === 'counter' ? counterName(name) : name).endsWith(`_${unit}`))
    head.text(FAMILY.unit, unit)
  writer
    .varint(head.length + metrics.length)
    .append(head)
    .append(metrics)
}

/** A metric as a field of its family. */
function writeMetric(
  writer: WireWriter,
  { labels, timestampMs }: Pick<Sample, 'labels' | 'timestampMs'>,
  fields: Uint8Array,
): void {
  let size = fields.length
  for (const label of labels) size += 1 + sizeOfBytes(sizeOfLabel(label))
  const time = timestampMs === undefined ? none : bytesOf((w) => w.int64(METRIC.timestampMs, timestampMs))
  writer.tag(FAMILY.metric, BYTES).varint(size + time.length)
  for (const label of labels) writeLabel(writer, METRIC.label, label)
  writer.raw(fields).raw(time)
}

const none = new Uint8Array()
const sizeOfLabel = ({ name, value }: Label) =>
  2 + sizeOfBytes(Buffer.byteLength(name)) + sizeOfBytes(Buffer.byteLength(value))

function writeLabel(writer: WireWriter, field: number, label: Label): void {
  const { name, value } = label
  writer.tag(field, BYTES).varint(sizeOfLabel(label)).text(LABEL.name, name).text(LABEL.value, value)
}

function bytesOf(write: (writer: WireWriter) => void): Uint8Array {
  const writer = new WireWriter()
  write(writer)
  return writer.written()
}

function writePlain(writer: WireWriter, metric: PlainMetric): void {
  writeMetric(
    writer,
    metric,
    bytesOf((fields) => writeFields(fields, metric)),
  )
}

function writeFields(writer: WireWriter, metric: PlainMetric): void {
  switch (metric.type) {
    case 'counter':
      writer.message(METRIC.counter, (counter) => {
        counter.double(VALUE, metric.value)
        writeExemplar(counter, COUNTER.exemplar, metric.exemplar)
      })
      break
    case 'gauge':
      writer.message(METRIC.gauge, (gauge) => gauge.double(VALUE, metric.value))
      break
    case 'unknown':
      writer.message(METRIC.untyped, (untyped) => untyped.double(VALUE, metric.value))
      break
    case 'summary':
      writer.message(METRIC.summary, (summary) => {
        summary.uint(SUMMARY.count, metric.count).double(SUMMARY.sum, metric.sum)
        for (const { at, value } of metric.points)
          summary.message(SUMMARY.quantile, (quantile) =>
            quantile.double(QUANTILE.quantile, at).double(QUANTILE.value, value),
          )
      })
      break
    case 'histogram':
      writer.message(METRIC.histogram, (histogram) => {
        writeCount(histogram, HISTOGRAM.count, HISTOGRAM.countFloat, metric.count)
        histogram.double(HISTOGRAM.sum, metric.sum)
        for (const { at, value, exemplar } of metric.points)
          histogram.message(HISTOGRAM.bucket, (bucket) => {
            writeCount(bucket, BUCKET.count, BUCKET.countFloat, value)
            bucket.double(BUCKET.upperBound, at)
            writeExemplar(bucket, BUCKET.exemplar, exemplar)
          })
      })
  }
}

function writeCount(writer: WireWriter, integer: number, float: number, count: number): void {
  if (isCount(count)) writer.uint(integer, count)
  else writer.double(float, count)
}

function writeExemplar(writer: WireWriter, field: number, exemplar: Exemplar | undefined): void {
  if (!exemplar) return
  const { labels, value, timestampMs } = exemplar
  writer.message(field, (message) => {
    for (const label of labels) writeLabel(message, EXEMPLAR.label, label)
    message.double(EXEMPLAR.value, floatOf(value))
    if (timestampMs !== undefined)
      message.message(EXEMPLAR.timestamp, (timestamp) => writeTimestamp(timestamp, timestampMs))
  })
}

/** The seconds are rounded down, as the nanoseconds can't be negative. */
function writeTimestamp(writer: WireWriter, timestampMs: bigint): void {
  const milliseconds = ((timestampMs % 1000n) + 1000n) % 1000n
  const seconds = (timestampMs - milliseconds) / 1000n
  writer.int64(TIMESTAMP.seconds, seconds).uint(TIMESTAMP.nanos, Number(milliseconds) * 1e6)
}
