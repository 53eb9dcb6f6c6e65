// The messages of io/prometheus/client/metrics.proto, as tables of their fields, and how a message is checked, read and
// written by its table.

import { NUL } from '../scan/bytes.ts'
import { MetricsError } from '../scan/position.ts'
import { BYTES, FIXED64, VARINT, type WireReader, type WireWriter } from './wire.ts'

type Scalar = 'uint64' | 'int64' | 'uint32' | 'sint32' | 'sint64' | 'double' | 'text'

interface MessageField<T> {
  readonly number: number
  readonly type: Scalar | MessageType<unknown>
  readonly isRepeated: boolean
  /** Its value where it is missing. */
  readonly defaultValue: () => T
}

interface NamedField extends MessageField<unknown> {
  readonly name: string
}

interface MessageType<T> {
  /** By their numbers. */
  readonly fields: readonly (NamedField | undefined)[]
  readonly empty: () => T
}

type Values = Record<string, unknown>

function message<T>(fields: { readonly [K in keyof T]: MessageField<T[K]> }): MessageType<T> {
  const named = Object.entries<MessageField<unknown>>(fields).map(([name, field]) => ({ name, ...field }))
  const numbers = Math.max(...named.map(({ number }) => number))
  return {
    fields: Array.from({ length: numbers + 1 }, (_, at) => named.find(({ number }) => number === at)),
    empty() {
      const values: Values = {}
      for (const { name, defaultValue } of named) values[name] = defaultValue()
      return values as T
    },
  }
}

const scalar =
  <T>(type: Scalar, missing: T) =>
  (number: number): MessageField<T> => ({ number, type, isRepeated: false, defaultValue: () => missing })
const uint64 = scalar('uint64', 0)
const int64 = scalar('int64', 0n)
const uint32 = scalar('uint32', 0)
const sint32 = scalar('sint32', 0)
const sint64 = scalar('sint64', 0)
const double = scalar('double', 0)
const text = scalar('text', '')

function one<T>(number: number, type: MessageType<T>): MessageField<T | undefined> {
  return { number, type, isRepeated: false, defaultValue: () => undefined }
}

function many<T>(field: MessageField<T>): MessageField<NonNullable<T>[]> {
  return { ...field, isRepeated: true, defaultValue: () => [] }
}

export const label = message({ name: text(1), value: text(2) })
const timestamp = message({ seconds: int64(1), nanos: uint32(2) })
const exemplar = message({ label: many(one(1, label)), value: double(2), timestamp: one(3, timestamp) })
const quantile = message({ quantile: double(1), value: double(2) })
export const summary = message({
  count: uint64(1),
  sum: double(2),
  quantile: many(one(3, quantile)),
  created: one(4, timestamp),
})
const bucket = message({
  count: uint64(1),
  upperBound: double(2),
  exemplar: one(3, exemplar),
  countFloat: double(4),
})
const span = message({ offset: sint32(1), length: uint32(2) })
const histogram = message({
  count: uint64(1),
  sum: double(2),
  bucket: many(one(3, bucket)),
  countFloat: double(4),
  schema: sint32(5),
  zeroThreshold: double(6),
  zeroCount: uint64(7),
  zeroCountFloat: double(8),
  negativeSpan: many(one(9, span)),
  negativeDelta: many(sint64(10)),
  negativeCount: many(double(11)),
  positiveSpan: many(one(12, span)),
  positiveDelta: many(sint64(13)),
  positiveCount: many(double(14)),
  created: one(15, timestamp),
  exemplar: many(one(16, exemplar)),
})
const value = message({ value: double(1) })
const counter = message({ value: double(1), exemplar: one(2, exemplar), created: one(3, timestamp) })
const distributions = { summary: one(4, summary), histogram: one(7, histogram) }
export const metric = message({
  label: many(one(1, label)),
  gauge: one(2, value),
  counter: one(3, counter),
  untyped: one(5, value),
  timestampMs: int64(6),
  ...distributions,
})
/** Of a metric only what may be several series: to count them takes no labels, which are a fifth of the work. */
export const distribution = message(distributions)

type ValueOf<M> = M extends MessageType<infer T> ? T : never
export type MetricMessage = ValueOf<typeof metric>
export type DistributionMessage = ValueOf<typeof distribution>
export type ExemplarMessage = ValueOf<typeof exemplar>
export type HistogramMessage = ValueOf<typeof histogram>
/** A message to be written, without what is undefined. */
export type Encodable<T> = T extends readonly (infer Item)[]
  ? readonly Encodable<Item>[]
  : T extends object
    ? { readonly [K in keyof T]?: Encodable<T[K]> | undefined }
    : T

/** The fields that are read one by one where speed matters. */
export const FAMILY = { name: 1, help: 2, type: 3, metric: 4, unit: 5 } as const
export const METRIC = { label: 1, timestampMs: 6 } as const
export const LABEL = { name: 1, value: 2 } as const

/**
 * Checks the message that ends at `end`, or adds the fields of a valid one to `into`: a message may come in several parts.
 */
export function readMessage(
  reader: WireReader,
  end: number,
  type: MessageType<unknown>,
  into?: Values,
): void {
  while (reader.next(end)) readField(reader, end, type, into)
}

/** The same for the field of such a message on which the reader is. One that isn't known is skipped. */
export function readField(
  reader: WireReader,
  end: number,
  { fields }: MessageType<unknown>,
  into?: Values,
): void {
  const field = fields[reader.field]
  if (field === undefined) reader.skip(end)
  else if (typeof field.type === 'object') {
    const until = reader.message(end)
    readMessage(reader, until, field.type, into && nestedIn(into, field, field.type))
  } else if (field.isRepeated && reader.wireType === BYTES) {
    const until = reader.message(end)
    while (reader.at < until) put(into, field, readScalar(reader, until, field.type))
  } else {
    reader.expect(wireTypeOf(field.type))
    if (into === undefined && field.type === 'text') checkText(reader, end)
    else put(into, field, readScalar(reader, end, field.type))
  }
}

function wireTypeOf(type: Scalar): number {
  if (type === 'double') return FIXED64
  return type === 'text' ? BYTES : VARINT
}

function nestedIn(into: Values, field: NamedField, { empty }: MessageType<unknown>): Values {
  const { name, isRepeated } = field
  const before = isRepeated ? undefined : into[name]
  const nested = (before ?? empty()) as Values
  if (before === undefined) put(into, field, nested)
  return nested
}

function put(into: Values | undefined, { name, isRepeated }: NamedField, value: unknown): void {
  if (into === undefined) return
  if (isRepeated) (into[name] as unknown[]).push(value)
  else into[name] = value
}

function readScalar(reader: WireReader, end: number, type: Scalar): number | bigint | string {
  switch (type) {
    case 'double':
      return reader.double(end)
    case 'text':
      return readText(reader, end)
    case 'uint64':
      return reader.varint(end)
    default:
      return reader[type](end)
  }
}

/** The metric at which the reader is, and which ends at `end`. It must be valid. */
export function readMetric(reader: WireReader, end: number): MetricMessage {
  const values = metric.empty()
  readMessage(reader, end, metric, values)
  return values
}

export const histogramOf = (metric: DistributionMessage): HistogramMessage =>
  metric.histogram ?? histogram.empty()

/** Validation checks other texts by itself. */
function checkText(reader: WireReader, end: number): void {
  const until = reader.bytes(end)
  checkName(reader, reader.at, until, 'the label of an exemplar')
  reader.at = until
}

function readText(reader: WireReader, end: number): string {
  const until = reader.bytes(end)
  const text = reader.textOf(reader.at, until)
  reader.at = until
  return text
}

/** A text with NUL, which Prometheus accepts, is refused: no other format can have it, nor does a working program. */
export function checkName(reader: WireReader, start: number, end: number, what: string): void {
  if (!reader.isUtf8(start, end)) throw new MetricsError(start, `${what} is not valid UTF-8`)
  if (reader.body.subarray(start, end).includes(NUL)) throw new MetricsError(start, `a NUL byte in ${what}`)
}

export function writeMessage<T>(writer: WireWriter, { fields }: MessageType<T>, values: Encodable<T>): void {
  for (const field of fields) {
    const value = field && (values as Values)[field.name]
    if (!field || value === undefined) continue
    if (!field.isRepeated) writeField(writer, field, value)
    else for (const item of value as readonly unknown[]) writeField(writer, field, item)
  }
}

function writeField(writer: WireWriter, { number, type }: NamedField, value: unknown): void {
  if (typeof type === 'object')
    writer.message(number, () => writeMessage(writer, type, value as Encodable<unknown>))
  else if (type === 'double') writer.double(number, value as number)
  else if (type === 'text') writer.text(number, value as string)
  else if (type === 'int64') writer.int64(number, value as bigint)
  else if (type === 'uint64' || type === 'uint32') writer.uint(number, value as number)
  // only a native histogram has such fields, and none is made of other formats
  else throw new Error(`a field of the type ${type} is never written`)
}
