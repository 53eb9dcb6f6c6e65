// From the samples of the text formats to what protobuf has as one metric: a histogram with its buckets, a summary with
// its quantiles. Only complete ones become a metric, of which Prometheus makes the same series again; other samples stay
// series by themselves.

import { seriesKey } from '../conflicts.ts'
import type { Exemplar, FamilyMetadata, MetricType, Sample } from '../family.ts'
import { floatOf } from '../scan/number.ts'
import type { Encodable, ExemplarMessage, MetricMessage } from './messages.ts'

/** A metric to be written: its series, and its other fields. */
export interface PlainMetric extends Pick<Sample, 'labels' | 'timestampMs'> {
  readonly fields: Encodable<MetricMessage>
}

export interface Grouped {
  /** Of the type of the family, or of the one that protobuf has instead. */
  readonly type: MetricType
  readonly metrics: readonly PlainMetric[]
  /** What is not part of a complete metric, by name. */
  readonly others: ReadonlyMap<string, readonly Sample[]>
}

export function groupSamples({ name, type }: FamilyMetadata, samples: readonly Sample[]): Grouped {
  if (type === 'histogram' || type === 'summary') return groupParts(name, type, samples)
  const own = type === 'counter' || type === 'gauge' ? type : 'unknown'
  const { metrics = [], others = [] } = Object.groupBy(samples, (sample) =>
    sample.name === name ? 'metrics' : 'others',
  )
  return { type: own, metrics: metrics.map((sample) => valueMetric(own, sample)), others: byName(others) }
}

export function valueMetric(type: 'counter' | 'gauge' | 'unknown', sample: Sample): PlainMetric {
  const value = floatOf(sample.value)
  const { labels, timestampMs } = sample
  if (type === 'counter')
    return { labels, timestampMs, fields: { counter: { value, exemplar: exemplarOf(sample.exemplar) } } }
  return { labels, timestampMs, fields: { [type === 'gauge' ? 'gauge' : 'untyped']: { value } } }
}

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
  return { type, metrics, others: byName(others) }
}

/** Undefined where a part is missing, or one can't be expressed. */
function metricOf(
  name: string,
  type: 'histogram' | 'summary',
  pointLabel: string,
  group: readonly Sample[],
): PlainMetric | undefined {
  const pointName = type === 'histogram' ? `${name}_bucket` : name
  const isPoint = (sample: Sample) =>
    sample.name === pointName && sample.labels.some((label) => label.name === pointLabel)
  const { points: pointSamples = [], rest = [] } = Object.groupBy(group, (sample) =>
    isPoint(sample) ? 'points' : 'rest',
  )
  const sumSample = rest.find((sample) => sample.name === `${name}_sum`)
  const countSample = rest.find((sample) => sample.name === `${name}_count`)
  if (!sumSample || !countSample || rest.length !== 2) return undefined
  if (rest.some(({ labels }) => labels.some((label) => label.name === pointLabel))) return undefined
  const points = pointSamples.map(({ labels, value, exemplar }) => ({
    at: numberOf(labels.find((label) => label.name === pointLabel)!.value),
    value: floatOf(value),
    exemplar,
  }))
  points.sort((a, b) => a.at - b.at)
  const isAscending = points.every(({ at }, i) => !Number.isNaN(at) && (i === 0 || points[i - 1]!.at < at))
  if (!isAscending) return undefined
  const { labels, timestampMs } = sumSample
  const [sum, count] = [floatOf(sumSample.value), floatOf(countSample.value)]
  if (type === 'summary') {
    // only a histogram can have a count that is none
    if (!isCount(count)) return undefined
    const quantile = points.map(({ at, value }) => ({ quantile: at, value }))
    return { labels, timestampMs, fields: { summary: { count, sum, quantile } } }
  }
  if (points.at(-1)?.at !== Infinity) return undefined
  const bucket = points.map(({ at, value, exemplar }) => ({
    ...countFieldOf(value),
    upperBound: at,
    exemplar: exemplarOf(exemplar),
  }))
  return { labels, timestampMs, fields: { histogram: { ...countFieldOf(count), sum, bucket } } }
}

/** NaN for what is no number. */
const numberOf = (text: string) =>
  /^[+-]?(inf|\d+\.?\d*(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?)$/i.test(text) ? floatOf(text) : Number.NaN

/** Whether an unsigned integer expresses it exactly. */
const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0

const countFieldOf = (value: number) => (isCount(value) ? { count: value } : { countFloat: value })

function exemplarOf(exemplar: Exemplar | undefined): Encodable<ExemplarMessage> | undefined {
  if (!exemplar) return undefined
  const { labels, value, timestampMs } = exemplar
  return { label: labels, value: floatOf(value), timestamp: timestampOf(timestampMs) }
}

/** The seconds are rounded down, as the nanoseconds can't be negative. */
function timestampOf(timestampMs: bigint | undefined) {
  if (timestampMs === undefined) return undefined
  const milliseconds = ((timestampMs % 1000n) + 1000n) % 1000n
  return { seconds: (timestampMs - milliseconds) / 1000n, nanos: Number(milliseconds) * 1e6 }
}
