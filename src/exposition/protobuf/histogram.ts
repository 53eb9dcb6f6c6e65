// A histogram message: what validation needs of it, classic and native.

import { MetricsError } from '../scan/position.ts'
import { BUCKET, bucketType, checkField, HISTOGRAM, histogramType, SPAN } from './schema.ts'
import { BYTES, FIXED64, VARINT, type WireReader } from './wire.ts'

/** What is known of the spans and buckets above zero, or of those below. */
interface Side {
  spans: number
  /** The buckets that the spans have. */
  length: number
  /** Whether a bucket follows in the spans, and the gap since the last one. */
  hasBuckets: boolean
  gap: number
  overlaps: boolean
  deltas: number
  /** The count of the last bucket, and of all. */
  last: number
  sum: number
  floats: number
  isNegative: boolean
}

export interface HistogramFacts {
  count: number
  countFloat: number
  sum: number
  zeroThreshold: number
  zeroCount: number
  zeroCountFloat: number
  schema: number
  /** The classic buckets that Prometheus reads: up to the one without an upper bound. */
  buckets: number
  hasInfinity: boolean
  readonly positive: Side
  readonly negative: Side
}

const emptySide = (): Side => ({
  spans: 0,
  length: 0,
  hasBuckets: false,
  gap: 0,
  overlaps: false,
  deltas: 0,
  last: 0,
  sum: 0,
  floats: 0,
  isNegative: false,
})

export const emptyHistogram = (): HistogramFacts => ({
  count: 0,
  countFloat: 0,
  sum: 0,
  zeroThreshold: 0,
  zeroCount: 0,
  zeroCountFloat: 0,
  schema: 0,
  buckets: 0,
  hasInfinity: false,
  positive: emptySide(),
  negative: emptySide(),
})

/** Adds what the message that ends at `end` has: a message that comes in several parts is put together. */
export function readHistogram(reader: WireReader, end: number, facts: HistogramFacts): void {
  while (reader.next(end)) {
    switch (reader.field) {
      case HISTOGRAM.count:
        reader.expect(VARINT)
        facts.count = reader.varint(end)
        break
      case HISTOGRAM.sum:
        facts.sum = readDouble(reader, end)
        break
      case HISTOGRAM.bucket:
        readBucket(reader, reader.message(end), facts)
        break
      case HISTOGRAM.countFloat:
        facts.countFloat = readDouble(reader, end)
        break
      case HISTOGRAM.schema:
        reader.expect(VARINT)
        facts.schema = reader.sint32(end)
        break
      case HISTOGRAM.zeroThreshold:
        facts.zeroThreshold = readDouble(reader, end)
        break
      case HISTOGRAM.zeroCount:
        reader.expect(VARINT)
        facts.zeroCount = reader.varint(end)
        break
      case HISTOGRAM.zeroCountFloat:
        facts.zeroCountFloat = readDouble(reader, end)
        break
      case HISTOGRAM.negativeSpan:
        readSpan(reader, reader.message(end), facts.negative)
        break
      case HISTOGRAM.positiveSpan:
        readSpan(reader, reader.message(end), facts.positive)
        break
      case HISTOGRAM.negativeDelta:
        readDeltas(reader, end, facts.negative)
        break
      case HISTOGRAM.positiveDelta:
        readDeltas(reader, end, facts.positive)
        break
      case HISTOGRAM.negativeCount:
        readCounts(reader, end, facts.negative)
        break
      case HISTOGRAM.positiveCount:
        readCounts(reader, end, facts.positive)
        break
      default:
        checkField(reader, end, histogramType)
    }
  }
}

function readDouble(reader: WireReader, end: number): number {
  reader.expect(FIXED64)
  return reader.double(end)
}

function readBucket(reader: WireReader, end: number, facts: HistogramFacts): void {
  let upperBound = 0
  while (reader.next(end)) {
    if (reader.field === BUCKET.upperBound) upperBound = readDouble(reader, end)
    else checkField(reader, end, bucketType)
  }
  if (facts.hasInfinity) return
  facts.buckets++
  facts.hasInfinity = upperBound === Infinity
}

function readSpan(reader: WireReader, end: number, side: Side): void {
  let offset = 0
  let length = 0
  while (reader.next(end)) {
    if (reader.field === SPAN.offset) {
      reader.expect(VARINT)
      offset = reader.sint32(end)
    } else if (reader.field === SPAN.length) {
      reader.expect(VARINT)
      length = reader.uint32(end)
    } else reader.skip(end)
  }
  side.spans++
  side.gap += offset
  if (length === 0) return
  if (side.hasBuckets && side.gap < 0) side.overlaps = true
  side.hasBuckets = true
  side.gap = 0
  side.length += length
}

function readDeltas(reader: WireReader, end: number, side: Side): void {
  const isPacked = reader.wireType === BYTES
  if (!isPacked) reader.expect(VARINT)
  const until = isPacked ? reader.bytes(end) : reader.at + 1
  while (reader.at < until) {
    side.deltas++
    side.last += reader.sint64(isPacked ? until : end)
    side.sum += side.last
    if (side.last < 0) side.isNegative = true
    if (!isPacked) return
  }
}

function readCounts(reader: WireReader, end: number, side: Side): void {
  const isPacked = reader.wireType === BYTES
  if (!isPacked) reader.expect(FIXED64)
  const until = isPacked ? reader.bytes(end) : reader.at + 8
  while (reader.at < until) {
    side.floats++
    if (reader.double(isPacked ? until : end) < 0) side.isNegative = true
  }
}

/** As Prometheus distinguishes a native histogram from one that is only classic. */
export const isNative = ({ positive, negative, zeroThreshold, zeroCount }: HistogramFacts): boolean =>
  positive.spans > 0 || negative.spans > 0 || zeroThreshold > 0 || zeroCount > 0

/** The series that Prometheus makes of it. */
export function seriesOfHistogram(facts: HistogramFacts): number {
  const classic = 2 + facts.buckets + (facts.hasInfinity ? 0 : 1)
  if (!isNative(facts)) return classic
  return facts.buckets > 0 ? 1 + classic : 1
}

/** Those of exponential buckets. Custom buckets have no form in protobuf. */
const minSchema = -4
const maxSchema = 8

/** Refuses a native histogram at which Prometheus refuses all metrics, or panics. */
export function checkNative(facts: HistogramFacts, position: number): void {
  const { schema, positive, negative } = facts
  const isFloat = facts.countFloat > 0 || facts.zeroCountFloat > 0
  if (schema < minSchema || schema > maxSchema)
    throw new MetricsError(position, `no schema has the number ${schema}`)
  for (const side of [positive, negative]) {
    const buckets = isFloat ? side.floats : side.deltas
    if (side.length !== buckets)
      throw new MetricsError(position, `spans for ${side.length} buckets, but ${buckets} buckets`)
    if (side.overlaps) throw new MetricsError(position, 'spans that overlap')
    if (side.isNegative) throw new MetricsError(position, 'a bucket with a negative count')
  }
  if (isFloat) checkFloat(facts, position)
  else checkCount(facts, position)
}

function checkFloat({ countFloat, zeroCountFloat }: HistogramFacts, position: number): void {
  if (countFloat < 0 || zeroCountFloat < 0) throw new MetricsError(position, 'a negative count')
}

/** Counts beyond 2^53, which no working program has, aren't compared. */
function checkCount({ count, sum, zeroCount, positive, negative }: HistogramFacts, position: number): void {
  const inBuckets = positive.sum + negative.sum + zeroCount
  if (!Number.isSafeInteger(inBuckets) || !Number.isSafeInteger(count)) return
  if (Number.isNaN(sum) ? inBuckets > count : inBuckets !== count)
    throw new MetricsError(position, `a count of ${count}, but ${inBuckets} in the buckets`)
}
