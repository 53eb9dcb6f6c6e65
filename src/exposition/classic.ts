// The types that Prometheus had before OpenMetrics, in the text format and in protobuf, and what becomes of newer ones.

import type { Family, MetricType, Sample } from './family.ts'
import { counterName } from './names.ts'

const suffixes = new Map<MetricType | undefined, readonly string[]>([
  ['histogram', ['_bucket', '_sum', '_count']],
  ['summary', ['_sum', '_count']],
])

/** What the samples of a family of this type may add to its name. */
export const suffixesOfClassic = (type: MetricType | undefined): readonly string[] => suffixes.get(type) ?? []

/** What is one family in OpenMetrics may be several here: `_created`, `_gsum` and `_gcount` are gauges by themselves. */
export function adaptToClassic(family: Family): readonly Family[] {
  const main = mainOf(family)
  if (family.samples.every(({ name }) => name === main.name)) return [main]
  const names = new Set([main.name, ...suffixesOfClassic(main.type).map((suffix) => main.name + suffix)])
  const isOwn = ({ name }: Sample) => names.has(name)
  if (family.samples.every(isOwn)) return [main]
  const others = Map.groupBy(
    family.samples.filter((sample) => !isOwn(sample)),
    ({ name }) => name,
  )
  return [
    { ...main, samples: family.samples.filter(isOwn) },
    ...[...others].map(([name, samples]) => ({ ...family, name, type: typeOfPart(family, name), samples })),
  ]
}

function mainOf(family: Family): Family {
  switch (family.type) {
    case 'info':
      return { ...family, name: `${family.name}_info`, type: 'gauge' }
    case 'stateset':
      return { ...family, type: 'gauge' }
    case 'gaugehistogram':
      return { ...family, type: 'histogram' }
    default:
      return family
  }
}

function typeOfPart({ name, type }: Family, part: string): MetricType | undefined {
  const base = type === 'counter' ? counterName(name) : name
  if (['_created', '_gsum', '_gcount'].some((suffix) => part === base + suffix)) return 'gauge'
  return type === 'counter' && part === base ? 'counter' : undefined
}
