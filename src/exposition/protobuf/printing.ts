// From families to protobuf: metrics that came as protobuf are written as they were, but for their labels.

import type { FamilyMetadata, MetricType, Sample } from '../family.ts'
import type { FamilyPrinter } from '../format.ts'
import { counterName } from '../names.ts'
import { metricTypes } from './family.ts'
import { groupSamples, type PlainMetric, valueMetric } from './groups.ts'
import { FAMILY, metric, writeMessage } from './messages.ts'
import { WireWriter } from './wire.ts'

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
        const { encoded } = sample
        if (encoded)
          writeMetric(metricsOf(encoded.type, encoded.isNative), { ...sample, fields: {} }, encoded.fields)
        else samples.push(sample)
      }
    },
    print(family): Uint8Array {
      const { type, metrics, others } = groupSamples(family, samples)
      samples = []
      for (const metric of metrics) writeMetric(metricsOf(type), metric)
      const writer = new WireWriter()
      for (const { type, metrics } of messages.values()) writeFamily(writer, { ...family, type }, metrics)
      messages.clear()
      for (const [name, series] of others) {
        const metrics = new WireWriter()
        for (const sample of series) writeMetric(metrics, valueMetric('unknown', sample))
        writeFamily(writer, { ...family, name, type: 'unknown' }, metrics)
      }
      return writer.written()
    },
  }
}

function writeFamily(
  writer: WireWriter,
  { name, type, help, unit }: FamilyMetadata,
  metrics: WireWriter,
): void {
  const start = writer.length
  writer.text(FAMILY.name, name)
  if (help !== undefined) writer.text(FAMILY.help, help)
  writer.uint(FAMILY.type, metricTypes.indexOf(type ?? 'unknown'))
  // Prometheus before 3.9 refuses all metrics for another unit
  if (unit && (type === 'counter' ? counterName(name) : name).endsWith(`_${unit}`))
    writer.text(FAMILY.unit, unit)
  writer.raw(metrics.written()).prefixLength(start)
}

/** A metric as a field of its family, with more fields that are encoded already. */
function writeMetric(
  writer: WireWriter,
  { labels, timestampMs, fields }: PlainMetric,
  encoded: Uint8Array = none,
): void {
  writer.message(FAMILY.metric, () => {
    writeMessage(writer, metric, { ...fields, label: labels, timestampMs })
    writer.raw(encoded)
  })
}

const none = new Uint8Array()
