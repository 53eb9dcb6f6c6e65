// How people are shown a native histogram: count and quantiles of known observations.

import { expect, test } from 'vitest'
import { families } from '../../../src/exposition/families.ts'
import { type JudgedHistogram, protobufPage } from './judge.ts'

const schema = 3
/** Between the bounds of a bucket. */
const factor = 2 ** (2 ** -schema)
const zeroThreshold = 0.001

/** The histogram of these observations, in one span a side. */
function histogramOf(values: readonly number[]): JudgedHistogram {
  const indexOf = (value: number) => Math.ceil(Math.log2(Math.abs(value)) * 2 ** schema)
  const isZero = (value: number) => Math.abs(value) <= zeroThreshold
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

function shown(histogram: JudgedHistogram): readonly string[] {
  const label = [{ name: 'a', value: 'b' }]
  const page = protobufPage([{ name: 'x', type: 'HISTOGRAM', metric: [{ label, histogram }] }])
  return families(page)[0]!.samples
}

const spread = Array.from({ length: 1000 }, (_, at) => Math.exp(3 * Math.sin(at * 1.7)))
test.each([
  ['positive', spread],
  ['negative', spread.map((value) => -value)],
  ['on both sides', spread.map((value, at) => (at % 3 ? value : -value))],
  ['with zeros', spread.map((value, at) => (at % 5 ? value : 0))],
])('the quantiles of observations that are %s are right within a bucket', (_, values) => {
  const [line] = shown(histogramOf(values))
  const [, count, ...quantiles] = /^x\{a="b"\} count (\S+), p50 (\S+), p99 (\S+)$/.exec(line!)!
  expect(Number(count)).toBe(values.length)
  const sorted = values.toSorted((one, other) => one - other)
  for (const [at, quantile] of [0.5, 0.99].entries()) {
    const truth = sorted[Math.ceil(quantile * values.length) - 1]!
    const ratio = Number(quantiles[at]) / truth
    expect(ratio).toBeGreaterThan(1 / factor / 1.01)
    expect(ratio).toBeLessThan(factor * 1.01)
  }
})

test('floats are counted as they are', () => {
  const histogram = { ...histogramOf([]), sampleCountFloat: 4.5, zeroCountFloat: 0.5 }
  const side = { positiveSpan: [{ offset: 1, length: 2 }], positiveCount: [3, 1] }
  expect(shown({ ...histogram, ...side })).toEqual(['x{a="b"} count 4.5, p50 1.05, p99 1.18'])
})

test('one without observations has no quantiles', () => {
  expect(shown(histogramOf([]))).toEqual(['x{a="b"} count 0'])
})

test('classic buckets stand beside it', () => {
  const bucket = [{ upperBound: 1, cumulativeCount: 1 }]
  expect(shown({ ...histogramOf([0.5, 2]), bucket })).toEqual([
    'x{a="b"} count 2, p50 0.5, p99 2',
    'x_bucket{a="b",le="1"} 1',
    'x_bucket{a="b",le="+Inf"} 2',
    'x_sum{a="b"} 2.5',
    'x_count{a="b"} 2',
  ])
})
