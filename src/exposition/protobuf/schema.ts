// The messages of io/prometheus/client/metrics.proto, by the numbers of their fields, and the parts of a family.

import type { MetricType } from '../family.ts'
import { NUL } from '../scan/bytes.ts'
import { MetricsError } from '../scan/position.ts'
import { FIXED64, VARINT, type WireReader } from './wire.ts'

export const FAMILY = { name: 1, help: 2, type: 3, metric: 4, unit: 5 } as const
export const METRIC = {
  label: 1,
  gauge: 2,
  counter: 3,
  summary: 4,
  untyped: 5,
  timestampMs: 6,
  histogram: 7,
} as const
export const LABEL = { name: 1, value: 2 } as const
/** Of Gauge, Untyped and Counter. */
export const VALUE = 1
export const COUNTER = { exemplar: 2, created: 3 } as const
export const SUMMARY = { count: 1, sum: 2, quantile: 3, created: 4 } as const
export const QUANTILE = { quantile: 1, value: 2 } as const
export const HISTOGRAM = {
  count: 1,
  sum: 2,
  bucket: 3,
  countFloat: 4,
  schema: 5,
  zeroThreshold: 6,
  zeroCount: 7,
  zeroCountFloat: 8,
  negativeSpan: 9,
  negativeDelta: 10,
  negativeCount: 11,
  positiveSpan: 12,
  positiveDelta: 13,
  positiveCount: 14,
  created: 15,
  exemplar: 16,
} as const
export const BUCKET = { count: 1, upperBound: 2, exemplar: 3, countFloat: 4 } as const
export const SPAN = { offset: 1, length: 2 } as const
export const EXEMPLAR = { label: 1, value: 2, timestamp: 3 } as const
export const TIMESTAMP = { seconds: 1, nanos: 2 } as const

/** How the value of a field is written, or the message that it is. */
type FieldType = 'varint' | 'double' | 'text' | MessageType
interface MessageType {
  readonly [field: number]: FieldType
}

const labelType: MessageType = { [LABEL.name]: 'text', [LABEL.value]: 'text' }
const timestampType: MessageType = { [TIMESTAMP.seconds]: 'varint', [TIMESTAMP.nanos]: 'varint' }
export const exemplarType: MessageType = {
  [EXEMPLAR.label]: labelType,
  [EXEMPLAR.value]: 'double',
  [EXEMPLAR.timestamp]: timestampType,
}
export const valueType: MessageType = { [VALUE]: 'double' }
export const counterType: MessageType = {
  [VALUE]: 'double',
  [COUNTER.exemplar]: exemplarType,
  [COUNTER.created]: timestampType,
}
export const summaryType: MessageType = {
  [SUMMARY.count]: 'varint',
  [SUMMARY.sum]: 'double',
  [SUMMARY.quantile]: { [QUANTILE.quantile]: 'double', [QUANTILE.value]: 'double' },
  [SUMMARY.created]: timestampType,
}
/** Of a histogram and its buckets, what is only checked. */
export const histogramType: MessageType = {
  [HISTOGRAM.created]: timestampType,
  [HISTOGRAM.exemplar]: exemplarType,
}
export const bucketType: MessageType = {
  [BUCKET.count]: 'varint',
  [BUCKET.countFloat]: 'double',
  [BUCKET.exemplar]: exemplarType,
}

/** Checks the message that ends at `end`. */
export function checkMessage(reader: WireReader, end: number, type: MessageType): void {
  while (reader.next(end)) checkField(reader, end, type)
}

/** Checks the field of such a message on which the reader is. One that isn't known is passed over. */
export function checkField(reader: WireReader, end: number, type: MessageType): void {
  const field = type[reader.field]
  if (field === undefined) reader.skip(end)
  else if (field === 'varint') {
    reader.expect(VARINT)
    reader.varint(end)
  } else if (field === 'double') {
    reader.expect(FIXED64)
    reader.double(end)
  } else if (field === 'text') {
    const until = reader.message(end)
    checkName(reader, reader.at, until, 'the label of an exemplar')
    reader.at = until
  } else checkMessage(reader, reader.message(end), field)
}

/** A text with NUL, which Prometheus accepts, is refused: no other format can have it, nor does a working program. */
export function checkName(reader: WireReader, start: number, end: number, what: string): void {
  if (!reader.isUtf8(start, end)) throw new MetricsError(start, `${what} is not valid UTF-8`)
  if (reader.body.subarray(start, end).includes(NUL)) throw new MetricsError(start, `a NUL byte in ${what}`)
}

/** The types by their numbers. */
export const metricTypes: readonly MetricType[] = [
  'counter',
  'gauge',
  'summary',
  'unknown',
  'histogram',
  'gaugehistogram',
]

interface TextRange {
  readonly start: number
  readonly end: number
}

/** Where a family's parts are in the body. */
export interface FamilyParts {
  readonly start: number
  readonly name: TextRange
  readonly help: TextRange | undefined
  readonly unit: TextRange | undefined
  readonly type: number
  /** Start and end of each metric. */
  readonly metrics: readonly number[]
}

const maxLengthBytes = 5

/** The next family of the body; undefined at its end. Fields may come in any order, and the last of each counts. */
export function readFamily(reader: WireReader): FamilyParts | undefined {
  const start = reader.at
  if (start >= reader.body.length) return undefined
  const end = reader.bytes(reader.body.length)
  if (reader.at - start > maxLengthBytes) throw new MetricsError(start, 'a length of more than 35 bits')
  let name: TextRange = { start, end: start }
  let help: TextRange | undefined
  let unit: TextRange | undefined
  let type = 0
  const metrics: number[] = []
  while (reader.next(end)) {
    switch (reader.field) {
      case FAMILY.name:
        name = passText(reader, end)
        break
      case FAMILY.help:
        help = passText(reader, end)
        break
      case FAMILY.unit:
        unit = passText(reader, end)
        break
      case FAMILY.type:
        reader.expect(VARINT)
        type = reader.uint32(end)
        break
      case FAMILY.metric: {
        const until = reader.message(end)
        metrics.push(reader.at, until)
        reader.at = until
        break
      }
      default:
        reader.skip(end)
    }
  }
  return { start, name, help, unit, type, metrics }
}

function passText(reader: WireReader, end: number): TextRange {
  const until = reader.message(end)
  const start = reader.at
  reader.at = until
  return { start, end: until }
}
