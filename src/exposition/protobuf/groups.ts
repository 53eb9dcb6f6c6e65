// From the samples of the text formats to what protobuf has as one metric: a histogram with its buckets, a summary with
// its quantiles. Only complete ones become a metric, of which Prometheus makes the same series again; other samples stay
// series by themselves.

import type { Declared, Exemplar, Label, MetricType, Sample } from '../family.ts'
import { seriesKey } from '../scan/duplicates.ts'
import { floatOf } from '../scan/number.ts'

interface MetricOf<T extends MetricType> {
  readonly type: T
  readonly labels: readonly Label[]
  readonly timestampMs: bigint | undefined
}

export interface ValueMetric extends MetricOf<'counter' | 'gauge' | 'unknown'> {
  readonly value: number
  readonly exemplar: Exemplar | undefined
}

/** In ascending order. */
type Point = { readonly at: number; readonly value: number; readonly exemplar: Exemplar | undefined }

export interface HistogramMetric extends MetricOf<'histogram'> {
  readonly sum: number
  readonly count: number
  readonly points: readonly Point[]
}

export interface SummaryMetric extends MetricOf<'summary'> {
  readonly sum: number
  readonly count: number
  readonly points: readonly Point[]
}

export type PlainMetric = ValueMetric | HistogramMetric | SummaryMetric

export interface Grouped {
  readonly metrics: readonly PlainMetric[]
  /** What is not part of a complete metric, by name. */
  readonly others: ReadonlyMap<string, readonly Sample[]>
}

export function groupSamples({ name, type }: Declared, samples: readonly Sample[]): Grouped {
  if (type === 'histogram' || type === 'summary') return groupParts(name, type, samples)
  const own = type === 'counter' || type === 'gauge' ? type : 'unknown'
  const { metrics = [], others = [] } = Object.groupBy(samples, (sample) =>
    sample.name === name ? 'metrics' : 'others',
  )
  return { metrics: metrics.map((sample) => valueMetric(own, sample)), others: byName(others) }
}

export const valueMetric = (type: ValueMetric['type'], sample: Sample): ValueMetric => ({
  type,
  labels: sample.labels,
  timestampMs: sample.timestampMs,
  value: floatOf(sample.value),
  exemplar: sample.exemplar,
})

const byName = (samples: readonly Sample[]) => Map.groupBy(samples, (sample) => sample.name)

function groupParts(name: string, type: 'histogram' | 'summary', samples: readonly Sample[]): Grouped {
  const pointLabel = type === 'histogram' ? 'le' : 'quantile'
  const groups = Map.groupBy(samples, ({ labels, timestampMs }) =>
    seriesKey({ name: '', labels: labels.filter((label) => label.name !== pointLabel), timestampMs }),
  )
  const metrics: PlainMetric[] = []
  const others: Sample[] = []
  for (const group of groups.values()) {
    const metric = metricOf(name, type, pointLabel, group)
    if (metric) metrics.push(metric)
    else others.push(...group)
  }
  return { metrics, others: byName(others) }
}

/** Undefined where a part is missing, or one can't be expressed. */
function metricOf(
  name: string,
  type: 'histogram' | 'summary',
  pointLabel: string,
  group: readonly Sample[],
): HistogramMetric | SummaryMetric | undefined {
  const pointName = type === 'histogram' ? `${name}_bucket` : name
  const isPoint = (sample: Sample) =>
    sample.name === pointName && sample.labels.some((label) => label.name === pointLabel)
  const [pointSamples, rest] = [group.filter(isPoint), group.filter((sample) => !isPoint(sample))]
  const sum = rest.find((sample) => sample.name === `${name}_sum`)
  const count = rest.find((sample) => sample.name === `${name}_count`)
  if (!sum || !count || rest.length !== 2) return undefined
  if ([sum, count].some(({ labels }) => labels.some((label) => label.name === pointLabel))) return undefined
  const points = pointSamples.map(({ labels, value, exemplar }) => ({
    at: numberOf(labels.find((label) => label.name === pointLabel)!.value),
    value: floatOf(value),
    exemplar,
  }))
  points.sort((a, b) => a.at - b.at)
  const isAscending = points.every(({ at }, i) => !Number.isNaN(at) && (i === 0 || points[i - 1]!.at < at))
  if (!isAscending) return undefined
  if (type === 'histogram' && points.at(-1)?.at !== Infinity) return undefined
  const metric = { labels: sum.labels, timestampMs: sum.timestampMs, sum: floatOf(sum.value) }
  const counted = floatOf(count.value)
  // only a histogram can have a count that is none
  if (type === 'summary' && !isCount(counted)) return undefined
  return { ...metric, type, count: counted, points }
}

/** NaN for what is no number. */
const numberOf = (text: string) =>
  /^[+-]?(inf|\d+\.?\d*(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?)$/i.test(text) ? floatOf(text) : Number.NaN

/** Whether an unsigned integer expresses it exactly. */
export const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0
