// How people are shown histograms: count, quantiles and buckets of known observations.

import { expect, test } from 'vitest'
import type { ShownFamily } from '../../src/exposition/families.ts'
import { families } from '../helpers/families.ts'
import { type JudgedHistogram, protobufPage } from './protobuf/judge.ts'

const schema = 3
/** Between the bounds of a bucket. */
const factor = 2 ** (2 ** -schema)
const zeroThreshold = 0.001
const isZero = (value: number) => Math.abs(value) <= zeroThreshold

/** The histogram of these observations, in one span a side. */
function histogramOf(values: readonly number[]): JudgedHistogram {
  const indexOf = (value: number) => Math.ceil(Math.log2(Math.abs(value)) * 2 ** schema)
  const sideOf = (isOn: (value: number) => boolean) => {
    const indexes = values.filter((value) => !isZero(value) && isOn(value)).map(indexOf)
    if (indexes.length === 0) return { span: [], delta: [] }
    const [first, last] = [Math.min(...indexes), Math.max(...indexes)]
    const counts = Array.from(
      { length: last - first + 1 },
      (_, at) => indexes.filter((index) => index === first + at).length,
    )
    return {
      span: [{ offset: first, length: counts.length }],
      delta: counts.map((count, at) => count - (counts[at - 1] ?? 0)),
    }
  }
  const [positive, negative] = [sideOf((value) => value > 0), sideOf((value) => value < 0)]
  return {
    ...{ schema, zeroThreshold, zeroCount: values.filter(isZero).length },
    ...{ sampleCount: values.length, sampleSum: values.reduce((sum, value) => sum + value, 0) },
    ...{ positiveSpan: positive.span, positiveDelta: positive.delta },
    ...{ negativeSpan: negative.span, negativeDelta: negative.delta },
  }
}

function shownNative(histogram: JudgedHistogram): ShownFamily {
  const label = [{ name: 'a', value: 'b' }]
  return families(protobufPage([{ name: 'x', type: 'HISTOGRAM', metric: [{ label, histogram }] }]))[0]!
}

function shownText(text: string): ShownFamily {
  return families({ format: 'text/0.0.4', body: Buffer.from(`# TYPE h histogram\n${text}`) })[0]!
}

const spread = Array.from({ length: 1000 }, (_, at) => Math.exp(3 * Math.sin(at * 1.7)))
test.each([
  ['positive', spread],
  ['negative', spread.map((value) => -value)],
  ['on both sides', spread.map((value, at) => (at % 3 ? value : -value))],
  ['with zeros', spread.map((value, at) => (at % 5 ? value : 0))],
])('the quantiles of observations that are %s are right within a bucket', (_, values) => {
  const [histogram] = shownNative(histogramOf(values)).histograms
  expect(histogram).toMatchObject({ kind: 'native', series: 'x{a="b"}', count: `${values.length}` })
  const quantiles = [histogram!.p50, histogram!.p99]
  const sorted = values.toSorted((one, other) => one - other)
  for (const [at, quantile] of [0.5, 0.99].entries()) {
    const truth = sorted[Math.ceil(quantile * values.length) - 1]!
    const ratio = Number(quantiles[at]) / truth
    expect(ratio).toBeGreaterThan(1 / factor / 1.01)
    expect(ratio).toBeLessThan(factor * 1.01)
  }
})

test.each([
  ['positive', spread],
  ['negative', spread.map((value) => -value)],
  ['on both sides', spread.map((value, at) => (at % 3 ? value : -value))],
  [
    'with zeros and gaps',
    spread.map((value, at) => (at % 5 ? Math.exp(4 * Math.sign(value - 1)) : zeroThreshold / 2)),
  ],
])('the buckets of observations that are %s have each of them, in order and without gaps', (_, values) => {
  const { buckets } = shownNative(histogramOf(values)).histograms[0]!
  expect(buckets.length).toBeLessThanOrEqual(100)
  for (const [at, { lower, upper, count }] of buckets.entries()) {
    const inside = values.filter((value) => value > Number(lower) && value <= Number(upper))
    // the bounds are rounded
    expect(Math.abs(count - inside.length)).toBeLessThanOrEqual(1)
    if (at > 0) expect(lower).toBe(buckets[at - 1]!.upper)
  }
  expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(values.length)
})

test('many buckets are merged with their neighbours', () => {
  const values = Array.from({ length: 400 }, (_, at) => 1.01 * 2 ** (at / 2 ** schema))
  const { buckets } = shownNative(histogramOf(values)).histograms[0]!
  expect(buckets).toHaveLength(100)
  expect(new Set(buckets.map(({ count }) => count))).toEqual(new Set([4]))
  const bounds = Array.from({ length: 1000 }, (_, at) => `h_bucket{le="${at}"} ${at}\n`).join('')
  const text = `${bounds}h_bucket{le="+Inf"} 1000\nh_sum 1\nh_count 1000\n`
  const classic = shownText(text).histograms[0]!
  expect(classic).toMatchObject({ size: 1003, p50: '500' })
  expect(classic.buckets.length).toBeLessThanOrEqual(100)
  expect(classic.buckets.reduce((sum, { count }) => sum + count, 0)).toBe(1000)
})

test('floats are counted as they are', () => {
  const histogram = { ...histogramOf([]), sampleCountFloat: 4.5, zeroCountFloat: 0.5 }
  const side = { positiveSpan: [{ offset: 1, length: 2 }], positiveCount: [3, 1] }
  expect(shownNative({ ...histogram, ...side }).histograms).toMatchObject([
    {
      ...{ count: '4.5', p50: '1.05', p99: '1.18' },
      buckets: [
        { lower: '0', upper: '0.001', count: 0.5 },
        { lower: '0.001', upper: '1', count: 0 },
        { lower: '1', upper: '1.091', count: 3 },
        { lower: '1.091', upper: '1.189', count: 1 },
      ],
    },
  ])
})

test('one without observations has no quantiles and no buckets', () => {
  const [histogram] = shownNative(histogramOf([])).histograms
  expect(histogram).toEqual({
    ...{ kind: 'native', series: 'x{a="b"}', text: 'x{a="b"}', size: 1 },
    ...{ count: '0', sum: '0', buckets: [] },
  })
})

test('classic buckets stand beside it', () => {
  const bucket = [{ upperBound: 1, cumulativeCount: 1 }]
  const { histograms, samples } = shownNative({ ...histogramOf([0.5, 2]), bucket })
  expect(samples).toEqual([])
  expect(histograms).toMatchObject([
    { kind: 'native', series: 'x{a="b"}', count: '2', sum: '2.5', p50: '0.5', p99: '2', size: 1 },
    {
      ...{ kind: 'classic', series: 'x{a="b"}', count: '2', sum: '2.5', p50: '1', p99: '1', size: 4 },
      buckets: [
        { lower: '0', upper: '1', count: 1 },
        { lower: '1', upper: '+Inf', count: 1 },
      ],
    },
  ])
})

/** From Prometheus' own tests of histogram_quantile. */
test.each([
  [
    '0.5 is 0.15',
    'h_bucket{le="0.1"} 5\nh_bucket{le=".2"} 7\nh_bucket{le="1e0"} 11\nh_bucket{le="+Inf"} 12\nh_sum 3\nh_count 12\n',
    { p50: '0.15', p99: '1' },
  ],
  [
    '0.5 is -0.15',
    'h_bucket{le="-.2"} 1\nh_bucket{le="-0.1"} 2\nh_bucket{le="0.3"} 2\nh_bucket{le="+Inf"} 3\nh_sum 3\nh_count 3\n',
    { p50: '-0.15', p99: '0.3' },
  ],
])('quantiles of classic buckets are those of Prometheus: %s', (_, text, expected) => {
  expect(shownText(text).histograms).toMatchObject([expected])
})

test('what no complete histogram has is listed as it is', () => {
  const complete = 'h_bucket{a="1",le="+Inf"} 0\nh_sum{a="1"} NaN\nh_count{a="1"} 0\n'
  const others = ['h_bucket{a="2",le="1"} 1', 'h_count{a="2"} 1', 'h_created{a="1"} 17']
  const body = `# TYPE h histogram\n${complete}${others.join('\n')}\n# EOF\n`
  const [{ histograms, samples }] = families({ format: 'openmetrics/1.0.0', body: Buffer.from(body) }) as [
    ShownFamily,
  ]
  expect(samples.toSorted()).toEqual(others)
  expect(histograms).toMatchObject([{ series: 'h{a="1"}', count: '0', sum: 'NaN', size: 3 }])
  expect(histograms[0]).not.toHaveProperty('p50')
})

test('a count that is lower than the one before, or none, draws nothing wrong', () => {
  const of = (counts: readonly string[]) =>
    shownText(
      `${counts.map((value, at) => `h_bucket{le="${['1', '2', '+Inf'][at]}"} ${value}\n`).join('')}h_sum 1\nh_count 5\n`,
    ).histograms[0]!.buckets.map(({ count }) => count)
  expect(of(['3', '2', '5'])).toEqual([3, 0, 2])
  expect(of(['3', 'NaN', '5'])).toEqual([])
  expect(of(['3', '4', '+Inf'])).toEqual([])
})

test('a search finds a classic histogram by its parts and bounds', () => {
  const { text } = shownText('h_bucket{a="1",le="+Inf"} 0\nh_sum{a="1"} 0\nh_count{a="1"} 0\n').histograms[0]!
  for (const word of ['h{a="1"}', 'h_bucket', 'h_count', 'le="+Inf"']) expect(text).toContain(word)
})
