// Valid protobuf metrics made by chance: families of all types, native histograms among them.

import type { Random } from '../corpus/random.ts'
import type {
  JudgedExemplar,
  JudgedFamily,
  JudgedHistogram,
  JudgedLabel,
  JudgedMetric,
  JudgedTime,
  JudgedType,
} from './judge.ts'

const types: readonly JudgedType[] = [
  'COUNTER',
  'GAUGE',
  'SUMMARY',
  'UNTYPED',
  'HISTOGRAM',
  'HISTOGRAM',
  'GAUGE_HISTOGRAM',
]
const names = ['a', 'http_requests', 'x:y:z', '_x', 'http.requests', 'ü', 'a"b\\c']
const labelNames = ['b', 'code', 'slot', 'exported_slot', 'instance', 'a.b', '😀']
const labelValues = ['', 'GET', '200', 'a"b\\c\nd', 'ü€😀', 'x'.repeat(300)]
const numbers = [0, 1, -1.5, 1e9, 1.234567e-6, 0.1, Infinity, -Infinity, 123456789012345680000]
const bounds = [-1, 0, 0.005, 0.1, 1, 2.5, 10, 1e6, 1e21]
const seconds = [0, 1_700_000_000, -5]

export function generateFamilies(random: Random): JudgedFamily[] {
  return Array.from({ length: random.below(8) }, (_, at) => family(random, at))
}

function family(random: Random, at: number): JudgedFamily {
  const type = random.one(types)
  const unit = random.chance(0.1) ? { unit: 's' } : {}
  const name = `${random.one(names)}_f${at}${unit.unit ? '_s' : ''}${type === 'COUNTER' && random.chance(0.8) ? '_total' : ''}`
  const sets = new Map<string, JudgedLabel[]>()
  for (let count = random.below(4); count > 0; count--) {
    const labels = labelSet(random)
    sets.set(identityOf(labels), labels)
  }
  // of a message with both kinds of histograms Prometheus 3.5 reads all as the first
  const isNative = random.chance(0.7)
  const metric = [...sets.values()].map((labels) => metricOf(random, type, labels, isNative))
  return {
    name,
    type,
    ...unit,
    ...(random.chance(0.8) ? { help: random.one(['', 'What it is.', 'ü "x" \\ \n']) } : {}),
    ...(metric.length > 0 ? { metric } : {}),
  }
}

/** In the order of the names, as most libraries have it, or in another. */
function labelSet(random: Random): JudgedLabel[] {
  const chosen = new Set(Array.from({ length: random.below(4) }, () => random.one(labelNames)))
  const ordered = random.chance(0.8) ? [...chosen].sort() : [...chosen]
  return ordered.map((name) => ({ name, value: random.one(labelValues) }))
}

/** The same for what Prometheus takes for the same labels: in any order, with or without empty ones. */
function identityOf(labels: readonly JudgedLabel[]): string {
  const present = labels.filter(({ value }) => value !== '')
  return JSON.stringify(present.map(({ name, value }) => [name, value]).sort())
}

function metricOf(
  random: Random,
  type: JudgedType,
  label: readonly JudgedLabel[],
  isNative: boolean,
): JudgedMetric {
  const common = {
    ...(label.length > 0 ? { label } : {}),
    ...(random.chance(0.1) ? { timestampMs: random.one([1, 1_395_066_363_000, -5]) } : {}),
  }
  const value = random.one(numbers)
  const created = random.chance(0.3) ? { createdTimestamp: time(random) } : {}
  switch (type) {
    case 'COUNTER':
      return { ...common, counter: { value, ...maybeExemplar(random), ...created } }
    case 'GAUGE':
      return { ...common, gauge: { value } }
    case 'UNTYPED':
      return { ...common, untyped: { value } }
    case 'SUMMARY': {
      const quantile = [0.5, 0.9, 1].slice(random.below(4)).map((quantile) => ({ quantile, value }))
      return {
        ...common,
        summary: {
          sampleCount: random.below(1000),
          sampleSum: value,
          ...(quantile.length > 0 ? { quantile } : {}),
          ...created,
        },
      }
    }
    default:
      return { ...common, histogram: { ...histogramOf(random, isNative), ...created } }
  }
}

function histogramOf(random: Random, isNative: boolean): JudgedHistogram {
  const classic = random.chance(0.6) ? { bucket: buckets(random) } : {}
  if (!isNative) return { sampleCount: random.below(100), sampleSum: 1.5, ...classic }
  const [positive, negative] = [side(random), random.chance(0.3) ? side(random) : emptySide]
  const zeroCount = random.below(3)
  const count = [...positive.counts, ...negative.counts].reduce((a, b) => a + b, zeroCount)
  const shared = {
    sampleSum: random.one([1.5, -3, 0]),
    schema: random.below(13) - 4,
    zeroThreshold: random.one([2 ** -128, 0.001]),
    ...(positive.spans.length > 0 ? { positiveSpan: positive.spans } : {}),
    ...(negative.spans.length > 0 ? { negativeSpan: negative.spans } : {}),
    ...(random.chance(0.3) ? { exemplars: [{ ...exemplar(random), timestamp: time(random) }] } : {}),
    ...classic,
  }
  if (random.chance(0.3) && count > 0)
    return {
      ...shared,
      sampleCountFloat: count + 0.5,
      zeroCountFloat: zeroCount + 0.25,
      ...(positive.counts.length > 0 ? { positiveCount: positive.counts } : {}),
      ...(negative.counts.length > 0 ? { negativeCount: negative.counts } : {}),
    }
  return {
    ...shared,
    sampleCount: count,
    zeroCount,
    ...(positive.counts.length > 0 ? { positiveDelta: deltas(positive.counts) } : {}),
    ...(negative.counts.length > 0 ? { negativeDelta: deltas(negative.counts) } : {}),
  }
}

const emptySide = { spans: [], counts: [] }

function side(random: Random) {
  const spans = Array.from({ length: random.below(4) }, (_, at) => ({
    offset: at === 0 ? random.below(20) - 10 : random.below(5),
    length: random.below(4),
  }))
  const length = spans.reduce((sum, span) => sum + span.length, 0)
  return { spans, counts: Array.from({ length }, () => random.below(50)) }
}

const deltas = (counts: readonly number[]) => counts.map((count, at) => count - (counts[at - 1] ?? 0))

function buckets(random: Random) {
  let count = 0
  const chosen = [...new Set(Array.from({ length: 1 + random.below(5) }, () => random.one(bounds)))].sort(
    (a, b) => a - b,
  )
  const all = random.chance(0.5) ? [...chosen, Infinity] : chosen
  return all.map((upperBound) => {
    count += random.below(10)
    return {
      ...(random.chance(0.9) ? { cumulativeCount: count } : { cumulativeCountFloat: count + 0.5 }),
      upperBound,
      ...maybeExemplar(random),
    }
  })
}

const maybeExemplar = (random: Random) => (random.chance(0.2) ? { exemplar: exemplar(random) } : {})

function exemplar(random: Random): JudgedExemplar {
  return {
    label: [{ name: 'trace_id', value: random.one(['abc', 'ü']) }],
    value: random.one([0.5, 17]),
    ...(random.chance(0.5) ? { timestamp: time(random) } : {}),
  }
}

const time = (random: Random): JudgedTime => ({
  seconds: random.one(seconds),
  nanos: random.one([0, 123_456_789]),
})
