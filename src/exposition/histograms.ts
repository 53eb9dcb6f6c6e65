// Histograms as people read them: buckets that can be drawn, and quantiles estimated as Prometheus does.

import type { BucketStatus, HistogramStatus } from '../status/shape.ts'
import type { Sample } from './family.ts'
import { groupSamples, type PlainMetric } from './protobuf/groups.ts'
import type { Encodable, HistogramMessage } from './protobuf/messages.ts'
import { type CountedRange, readNative } from './protobuf/native.ts'
import { printFloat } from './scan/number.ts'
import { printSeries } from './scan/print.ts'

export interface ShownHistogram extends HistogramStatus {
  /** How many series Prometheus makes of it. */
  readonly size: number
  /** What a search looks at. */
  readonly text: string
}

interface Histograms {
  readonly histograms: readonly ShownHistogram[]
  /** What is not part of a complete histogram. */
  readonly others: readonly Sample[]
}

/** More are merged with their neighbours. */
const maxBuckets = 100

/** From all samples of a family of histograms. */
export function histogramsOf(name: string, samples: readonly Sample[]): Histograms {
  const parts = new Set(['_bucket', '_sum', '_count'].map((suffix) => name + suffix))
  const {
    native = [],
    classic = [],
    rest = [],
  } = Object.groupBy(samples, (sample) => {
    if (sample.encoded) return 'native'
    return parts.has(sample.name) ? 'classic' : 'rest'
  })
  const metadata = { name, type: 'histogram', help: undefined, unit: undefined } as const
  const { metrics, others } = groupSamples(metadata, classic)
  return {
    histograms: [...native.map(nativeHistogram), ...metrics.map((metric) => classicHistogram(name, metric))],
    others: [...[...others.values()].flat(), ...rest],
  }
}

function nativeHistogram({ name, labels, encoded }: Sample): ShownHistogram {
  const { count, sum, buckets } = readNative(encoded!.fields)
  const series = printSeries({ name, labels })
  return {
    ...{ kind: 'native', series, size: 1, text: series },
    ...numbersOf(count, sum, buckets, exponential),
    buckets: shownBuckets(withGaps(trimmed(buckets)), (bound) => rounded(bound, 4)),
  }
}

interface Point {
  readonly at: number
  readonly value: number
}

function classicHistogram(name: string, { labels, fields }: PlainMetric): ShownHistogram {
  const { sum = 0, bucket = [], ...counts } = fields.histogram ?? {}
  const points = bucket.map(({ upperBound = 0, ...counts }) => ({ at: upperBound, value: countOf(counts) }))
  const series = printSeries({ name, labels })
  const bounds = points.map(({ at }) => `le="${printFloat(at)}"`)
  const buckets = rangesBetween(points)
  return {
    ...{ kind: 'classic', series, size: points.length + 2 },
    text: [series, `${name}_bucket`, `${name}_sum`, `${name}_count`, ...bounds].join('\n'),
    ...numbersOf(countOf(counts), sum, buckets, linear),
    buckets: shownBuckets(buckets, printFloat),
  }
}

const countOf = ({
  count = 0,
  countFloat = count,
}: Pick<Encodable<HistogramMessage>, 'count' | 'countFloat'>) => countFloat

/** Counts of classic buckets are cumulative. Where one is lower than the one before, Prometheus takes the latter. */
function rangesBetween(points: readonly Point[]): readonly CountedRange[] {
  let lower = points[0]!.at > 0 ? 0 : -Infinity
  let before = 0
  return points.map(({ at: upper, value }) => {
    const total = Math.max(before, value)
    const range = { lower, upper, count: total - before }
    lower = upper
    before = total
    return range
  })
}

type Interpolate = (range: CountedRange, fraction: number) => number

function numbersOf(count: number, sum: number, ranges: readonly CountedRange[], interpolate: Interpolate) {
  const [p50, p99] = [0.5, 0.99].map((at) => quantileOf(at * count, ranges, interpolate))
  return {
    count: printFloat(count),
    sum: printFloat(sum),
    ...(Number.isNaN(p50) ? {} : { p50: rounded(p50!, 3), p99: rounded(p99!, 3) }),
  }
}

function quantileOf(rank: number, ranges: readonly CountedRange[], interpolate: Interpolate): number {
  let before = 0
  for (const range of ranges) {
    if (range.count > 0 && before + range.count >= rank)
      return interpolate(range, (rank - before) / range.count)
    before += range.count
  }
  return Number.NaN
}

/** Without a bound on one side, the other one is all that is known. */
function linear({ lower, upper }: CountedRange, fraction: number): number {
  if (upper === Infinity) return lower
  return lower === -Infinity ? upper : lower + (upper - lower) * fraction
}

/** As the buckets are; linear in the one that has zero. */
function exponential(range: CountedRange, fraction: number): number {
  const { lower, upper } = range
  if (lower <= 0 && upper >= 0) return linear(range, fraction)
  return Number.isFinite(upper) ? lower * (upper / lower) ** fraction : lower
}

const rounded = (value: number, digits: number) => printFloat(Number(value.toPrecision(digits)))

/** Without empty buckets at the ends. */
function trimmed(ranges: readonly CountedRange[]): readonly CountedRange[] {
  const isFilled = ({ count }: CountedRange) => count > 0
  return ranges.slice(Math.max(0, ranges.findIndex(isFilled)), ranges.findLastIndex(isFilled) + 1)
}

/** Each gap as an empty bucket. */
function withGaps(ranges: readonly CountedRange[]): readonly CountedRange[] {
  return ranges.flatMap((range, at) => {
    const lower = ranges[at - 1]?.upper ?? range.lower
    return lower < range.lower ? [{ lower, upper: range.lower, count: 0 }, range] : [range]
  })
}

function shownBuckets(
  ranges: readonly CountedRange[],
  print: (bound: number) => string,
): readonly BucketStatus[] {
  if (!ranges.every(({ count }) => Number.isFinite(count))) return []
  const merged = Math.ceil(ranges.length / maxBuckets)
  return ranges
    .filter((_, at) => at % merged === 0)
    .map(({ lower }, at) => {
      const group = ranges.slice(at * merged, (at + 1) * merged)
      const count = group.reduce((sum, range) => sum + range.count, 0)
      return { lower: print(lower), upper: print(group.at(-1)!.upper), count }
    })
}
