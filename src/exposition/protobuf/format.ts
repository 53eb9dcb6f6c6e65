// Prometheus' protobuf format, which alone has native histograms and created timestamps: messages MetricFamily of
// io/prometheus/client/metrics.proto, each after its length.

import { adaptToClassic } from '../classic.ts'
import type { Family, Sample } from '../family.ts'
import type { ExpositionFormat, Grammar } from '../format.ts'
import { printSample } from '../openmetrics/format.ts'
import { rawMetric, readMetric, samplesOf } from './metric.ts'
import { createPrinter } from './printing.ts'
import { type FamilyParts, metricTypes, readFamily } from './schema.ts'
import { validate } from './validation.ts'
import { WireReader } from './wire.ts'

const grammar: Grammar = {
  validate,
  hasQuotedNames(body) {
    const found = validate(body, { maxSeries: Infinity, maxLineBytes: Infinity })
    return found.ok && found.quoted
  },
  parse: (body) => families(body, samplesAt),
  parseRaw: (body) => families(body, rawAt),
  parseForPeople: (body) => families(body, shownAt),
  adapt: adaptToClassic,
  whyNot: ({ timestampMs }) =>
    timestampMs !== undefined && (timestampMs === 0n || timestampMs !== BigInt.asIntN(64, timestampMs))
      ? 'with a timestamp that protobuf cannot express'
      : undefined,
  nameOf: ({ name }) => name,
  untypable: () => new Map(),
  // protobuf has no lines: these are for people
  printSample,
  createPrinter,
  end: '',
}

/** So many metrics at once of a large family, so that they needn't be in memory all at once. */
const maxMetrics = 100

function* families(
  body: Uint8Array,
  read: (reader: WireReader, family: Family, start: number, end: number) => readonly Sample[],
): Generator<Family> {
  const reader = new WireReader(body)
  for (let parts = readFamily(reader); parts; parts = readFamily(reader)) {
    const after = reader.at
    const family = declaredOf(reader, parts)
    const { metrics } = parts
    let samples: Sample[] = []
    for (let at = 0; at < metrics.length; at += 2) {
      samples.push(...read(reader, family, metrics[at]!, metrics[at + 1]!))
      if (at % (2 * maxMetrics) !== 2 * (maxMetrics - 1)) continue
      yield { ...family, samples }
      samples = []
    }
    if (samples.length > 0) yield { ...family, samples }
    reader.at = after
  }
}

function declaredOf(reader: WireReader, { name, help, unit, type }: FamilyParts): Family {
  return {
    name: reader.textOf(name.start, name.end),
    type: metricTypes[type],
    help: help && reader.textOf(help.start, help.end),
    unit: unit && reader.textOf(unit.start, unit.end),
    samples: [],
  }
}

function samplesAt(reader: WireReader, { name, type = 'unknown' }: Family, start: number, end: number) {
  return samplesOf(name, type, readMetric(reader, start, end))
}

function rawAt(
  reader: WireReader,
  { name, type = 'unknown' }: Family,
  start: number,
  end: number,
): readonly Sample[] {
  const { labels, timestampMs, fields } = readMetric(reader, start, end)
  return [{ name, labels, value: '', timestampMs, exemplar: undefined, raw: rawMetric(type, fields) }]
}

/** A native histogram as it is, beside its classic buckets if it has some. */
function shownAt(
  reader: WireReader,
  { name, type = 'unknown' }: Family,
  start: number,
  end: number,
): readonly Sample[] {
  const parts = readMetric(reader, start, end)
  const raw = rawMetric(type, parts.fields)
  if (!raw.isNative) return samplesOf(name, type, parts)
  const { labels, timestampMs } = parts
  const native = { name, labels, value: '', timestampMs, exemplar: undefined, raw }
  return raw.series > 1 ? [native, ...samplesOf(name, type, parts)] : [native]
}

export const protobuf: ExpositionFormat = {
  name: 'protobuf',
  mediaType: 'application/vnd.google.protobuf',
  parameters: { proto: 'io.prometheus.client.MetricFamily', encoding: 'delimited' },
  isDefault: { contentType: true, accept: false },
  isForWildcards: false,
  canQuote: true,
  grammar,
}
