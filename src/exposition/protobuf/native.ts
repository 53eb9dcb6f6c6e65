// The buckets of a native histogram as ranges with counts.

import { eachMessage } from './metric.ts'
import { HISTOGRAM, METRIC, SPAN } from './schema.ts'
import { BYTES, type WireReader } from './wire.ts'

export interface CountedRange {
  readonly lower: number
  readonly upper: number
  readonly count: number
}

interface Span {
  readonly offset: number
  readonly length: number
}

/** The buckets above zero, or those below: integers as differences, or floats. */
interface NativeSide {
  readonly spans: Span[]
  readonly deltas: number[]
  readonly counts: number[]
}

interface NativeHistogram {
  readonly count: number
  readonly sum: number
  /** In ascending order; empty ones between the spans are left out. */
  readonly buckets: readonly CountedRange[]
}

/** `fields` are those of a metric with a valid native histogram. */
export function readNative(fields: Uint8Array): NativeHistogram {
  const positive: NativeSide = { spans: [], deltas: [], counts: [] }
  const negative: NativeSide = { spans: [], deltas: [], counts: [] }
  const counts = { count: 0, countFloat: 0, zeroCount: 0, zeroCountFloat: 0 }
  const numbers = { ...counts, sum: 0, schema: 0, zeroThreshold: 0 }
  eachMessage(fields, METRIC.histogram, (reader, end) => {
    while (reader.next(end)) {
      const { field } = reader
      if (field === HISTOGRAM.count) numbers.count = reader.varint(end)
      else if (field === HISTOGRAM.countFloat) numbers.countFloat = reader.double(end)
      else if (field === HISTOGRAM.sum) numbers.sum = reader.double(end)
      else if (field === HISTOGRAM.schema) numbers.schema = reader.sint32(end)
      else if (field === HISTOGRAM.zeroThreshold) numbers.zeroThreshold = reader.double(end)
      else if (field === HISTOGRAM.zeroCount) numbers.zeroCount = reader.varint(end)
      else if (field === HISTOGRAM.zeroCountFloat) numbers.zeroCountFloat = reader.double(end)
      else if (field === HISTOGRAM.positiveSpan) positive.spans.push(readSpan(reader, reader.bytes(end)))
      else if (field === HISTOGRAM.negativeSpan) negative.spans.push(readSpan(reader, reader.bytes(end)))
      else if (field === HISTOGRAM.positiveDelta) readPacked(reader, end, positive.deltas, 'sint64')
      else if (field === HISTOGRAM.negativeDelta) readPacked(reader, end, negative.deltas, 'sint64')
      else if (field === HISTOGRAM.positiveCount) readPacked(reader, end, positive.counts, 'double')
      else if (field === HISTOGRAM.negativeCount) readPacked(reader, end, negative.counts, 'double')
      else reader.skip(end)
    }
  })
  const isFloat = numbers.countFloat > 0 || numbers.zeroCountFloat > 0
  const [above, below] = [positive, negative].map((side) => rangesOf(side, numbers.schema, isFloat))
  const zero = {
    lower: below!.length > 0 ? -numbers.zeroThreshold : 0,
    upper: above!.length > 0 || below!.length === 0 ? numbers.zeroThreshold : 0,
    count: isFloat ? numbers.zeroCountFloat : numbers.zeroCount,
  }
  const mirrored = below!.map(({ lower, upper, count }) => ({ lower: -upper, upper: -lower, count }))
  return {
    count: isFloat ? numbers.countFloat : numbers.count,
    sum: numbers.sum,
    buckets: [...mirrored.toReversed(), zero, ...above!],
  }
}

/** Of the absolute values. The bounds are powers of 2^(2^-schema). */
function rangesOf({ spans, deltas, counts }: NativeSide, schema: number, isFloat: boolean): CountedRange[] {
  const ranges: CountedRange[] = []
  const boundAt = (index: number) => 2 ** (index * 2 ** -schema)
  let index = 0
  let last = 0
  for (const { offset, length } of spans) {
    index += offset
    for (const end = index + length; index < end; index += 1) {
      const at = ranges.length
      last = isFloat ? (counts[at] ?? 0) : last + (deltas[at] ?? 0)
      ranges.push({ lower: boundAt(index - 1), upper: boundAt(index), count: last })
    }
  }
  return ranges
}

function readSpan(reader: WireReader, end: number): Span {
  let offset = 0
  let length = 0
  while (reader.next(end)) {
    if (reader.field === SPAN.offset) offset = reader.sint32(end)
    else if (reader.field === SPAN.length) length = reader.uint32(end)
    else reader.skip(end)
  }
  return { offset, length }
}

function readPacked(reader: WireReader, end: number, into: number[], type: 'sint64' | 'double'): void {
  if (reader.wireType !== BYTES) {
    into.push(reader[type](end))
    return
  }
  const until = reader.bytes(end)
  while (reader.at < until) into.push(reader[type](until))
}
