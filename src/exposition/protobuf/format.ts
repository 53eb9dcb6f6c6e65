// Prometheus' protobuf format, which alone has native histograms and created timestamps: messages MetricFamily of
// io/prometheus/client/metrics.proto, each after its length.

import { adaptToClassic } from '../classic.ts'
import type { Family, FamilyMetadata, Sample } from '../family.ts'
import { type ExpositionFormat, type Grammar, maxParsedSamples, type ParsedAs } from '../format.ts'
import { printSample } from '../openmetrics/format.ts'
import { type FamilyParts, metricTypes, readFamily } from './family.ts'
import { FAMILY, readMetric } from './messages.ts'
import { encodedMetric, readParts, samplesOf } from './metric.ts'
import { createPrinter } from './printing.ts'
import { validate } from './validation.ts'
import { WireReader } from './wire.ts'

const grammar: Grammar = {
  validate,
  parse,
  familiesFor: adaptToClassic,
  unsupportedReason: ({ timestampMs }) =>
    timestampMs !== undefined && (timestampMs === 0n || timestampMs !== BigInt.asIntN(64, timestampMs))
      ? 'with a timestamp that protobuf cannot express'
      : undefined,
  nameOf: ({ name }) => name,
  typeConflicts: () => new Map(),
  // protobuf has no lines: these are for people
  printSample,
  createPrinter,
  end: '',
}

function* parse(body: Uint8Array, as: ParsedAs): Generator<Family> {
  const reader = new WireReader(body)
  const read = { samples: samplesAt, encoded: encodedAt, display: displayAt }[as]
  for (let parts = readFamily(reader); parts; parts = readFamily(reader)) {
    const family = metadataOf(reader, parts)
    let samples: Sample[] = []
    reader.at = parts.metricsStart ?? parts.end
    while (reader.next(parts.end)) {
      if (reader.field !== FAMILY.metric) {
        reader.skip(parts.end)
        continue
      }
      samples.push(...read(reader, family, reader.message(parts.end)))
      if (samples.length < maxParsedSamples) continue
      yield { ...family, samples }
      samples = []
    }
    if (samples.length > 0) yield { ...family, samples }
  }
}

function metadataOf(reader: WireReader, { name, help, unit, type }: FamilyParts): FamilyMetadata {
  return {
    name: reader.textOf(name.start, name.end),
    type: metricTypes[type],
    help: help && reader.textOf(help.start, help.end),
    unit: unit && reader.textOf(unit.start, unit.end),
  }
}

type ReadSamples = (reader: WireReader, family: FamilyMetadata, end: number) => readonly Sample[]

const samplesAt: ReadSamples = (reader, { name, type = 'unknown' }, end) =>
  samplesOf(name, type, readMetric(reader, end))

const encodedAt: ReadSamples = (reader, { name, type = 'unknown' }, end) => {
  const { fields, ...series } = readParts(reader, end)
  return [{ name, ...series, value: '', exemplar: undefined, encoded: encodedMetric(type, fields) }]
}

/** A native histogram as it is, beside its classic buckets if it has some. */
const displayAt: ReadSamples = (reader, family, end) => {
  const { at } = reader
  const native = encodedAt(reader, family, end).filter(({ encoded }) => encoded?.isNative)
  if (native.some(({ encoded }) => encoded?.series === 1)) return native
  reader.at = at
  return [...native, ...samplesAt(reader, family, end)]
}

export const protobuf: ExpositionFormat = {
  name: 'protobuf',
  mediaType: 'application/vnd.google.protobuf',
  parameters: { proto: 'io.prometheus.client.MetricFamily', encoding: 'delimited' },
  isDefault: { contentType: true, accept: false },
  isForWildcards: false,
  allowsUtf8Names: true,
  grammar,
}
