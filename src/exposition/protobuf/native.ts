// Native histograms: whether Prometheus accepts one, and its buckets as ranges with counts.

import { MetricsError } from '../scan/position.ts'
import { type HistogramMessage, histogramOf, readMetric } from './messages.ts'
import { WireReader } from './wire.ts'

/** As Prometheus distinguishes a native histogram from one that is only classic. */
export const isNative = (histogram: HistogramMessage): boolean =>
  histogram.positiveSpan.length > 0 ||
  histogram.negativeSpan.length > 0 ||
  histogram.zeroThreshold > 0 ||
  histogram.zeroCount > 0

const isFloat = ({ countFloat, zeroCountFloat }: HistogramMessage) => countFloat > 0 || zeroCountFloat > 0

/** The buckets above zero, or those below, with absolute counts. */
interface Side {
  readonly spans: HistogramMessage['positiveSpan']
  readonly counts: readonly number[]
}

function sidesOf(histogram: HistogramMessage): { readonly positive: Side; readonly negative: Side } {
  const { positiveSpan, positiveDelta, positiveCount, negativeSpan, negativeDelta, negativeCount } = histogram
  const floats = isFloat(histogram)
  return {
    positive: { spans: positiveSpan, counts: floats ? positiveCount : runningSums(positiveDelta) },
    negative: { spans: negativeSpan, counts: floats ? negativeCount : runningSums(negativeDelta) },
  }
}

function runningSums(deltas: readonly number[]): readonly number[] {
  let sum = 0
  return deltas.map((delta) => {
    sum += delta
    return sum
  })
}

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0)

/** Those of exponential buckets. Custom buckets have no form in protobuf. */
const minSchema = -4
const maxSchema = 8

/** Refuses a native histogram at which Prometheus refuses all metrics, or panics. */
export function checkNative(histogram: HistogramMessage, position: number): void {
  const { schema, countFloat, zeroCountFloat } = histogram
  if (schema < minSchema || schema > maxSchema)
    throw new MetricsError(position, `no schema has the number ${schema}`)
  const { positive, negative } = sidesOf(histogram)
  for (const { spans, counts } of [positive, negative]) {
    const length = sumOf(spans.map((span) => span.length))
    if (length !== counts.length)
      throw new MetricsError(position, `spans for ${length} buckets, but ${counts.length} buckets`)
    if (hasOverlap(spans)) throw new MetricsError(position, 'spans that overlap')
    if (counts.some((count) => count < 0)) throw new MetricsError(position, 'a bucket with a negative count')
  }
  if (countFloat < 0 || zeroCountFloat < 0) throw new MetricsError(position, 'a negative count')
  if (!isFloat(histogram)) checkCount(histogram, sumOf([...positive.counts, ...negative.counts]), position)
}

/** Whether buckets begin before the end of those before them. Spans without buckets only move the next one. */
function hasOverlap(spans: Side['spans']): boolean {
  let gap = 0
  let hasBuckets = false
  for (const { offset, length } of spans) {
    gap += offset
    if (length === 0) continue
    if (hasBuckets && gap < 0) return true
    hasBuckets = true
    gap = 0
  }
  return false
}

/** Counts beyond 2^53, which no working program has, aren't compared. */
function checkCount({ count, sum, zeroCount }: HistogramMessage, inSides: number, position: number): void {
  const inBuckets = inSides + zeroCount
  if (!Number.isSafeInteger(inBuckets) || !Number.isSafeInteger(count)) return
  if (Number.isNaN(sum) ? inBuckets > count : inBuckets !== count)
    throw new MetricsError(position, `a count of ${count}, but ${inBuckets} in the buckets`)
}

export interface CountedRange {
  readonly lower: number
  readonly upper: number
  readonly count: number
}

interface ReadHistogram {
  readonly count: number
  readonly sum: number
  /** In ascending order; empty ones between the spans are left out. */
  readonly buckets: readonly CountedRange[]
}

/** `fields` are those of a metric with a valid native histogram. */
export function readNative(fields: Uint8Array): ReadHistogram {
  const histogram = histogramOf(readMetric(new WireReader(fields), fields.length))
  const { schema, zeroThreshold, count, countFloat, sum, zeroCount, zeroCountFloat } = histogram
  const sides = sidesOf(histogram)
  const above = rangesOf(sides.positive, schema)
  const below = rangesOf(sides.negative, schema)
  const zero = {
    lower: below.length > 0 ? -zeroThreshold : 0,
    upper: above.length > 0 || below.length === 0 ? zeroThreshold : 0,
    count: isFloat(histogram) ? zeroCountFloat : zeroCount,
  }
  const mirrored = below.map(({ lower, upper, count }) => ({ lower: -upper, upper: -lower, count }))
  return {
    count: isFloat(histogram) ? countFloat : count,
    sum,
    buckets: [...mirrored.toReversed(), zero, ...above],
  }
}

/** Of the absolute values. The bounds are powers of 2^(2^-schema). */
function rangesOf({ spans, counts }: Side, schema: number): CountedRange[] {
  const ranges: CountedRange[] = []
  const boundAt = (index: number) => 2 ** (index * 2 ** -schema)
  let index = 0
  for (const { offset, length } of spans) {
    index += offset
    for (const end = index + length; index < end; index += 1)
      ranges.push({ lower: boundAt(index - 1), upper: boundAt(index), count: counts[ranges.length]! })
  }
  return ranges
}
