// Which family a sample belongs to.

import type { MetricType } from './scan/scan.ts'

type Suffixes = Readonly<Partial<Record<MetricType, readonly string[]>>>

/** What the samples of a family add to its name. The name alone is always the family's, in either format. */
const inText: Suffixes = { histogram: ['_bucket', '_sum', '_count'], summary: ['_sum', '_count'] }
const inOpenMetrics: Suffixes = {
  counter: ['_total', '_created'],
  histogram: ['_bucket', '_sum', '_count', '_created'],
  gaugehistogram: ['_bucket', '_gsum', '_gcount'],
  summary: ['_sum', '_count', '_created'],
  info: ['_info'],
}

const all = [...new Set(Object.values(inOpenMetrics).flat())]

/** The name of the family of a sample, by the families declared so far; an undeclared sample is one by itself. */
export function familyOf(
  sample: string,
  typeOf: (family: string) => MetricType | undefined,
  openMetrics: boolean,
): string {
  if (typeOf(sample) !== undefined) return sample
  const suffixes = openMetrics ? inOpenMetrics : inText
  for (const suffix of all) {
    if (!sample.endsWith(suffix)) continue
    const family = sample.slice(0, -suffix.length)
    const type = typeOf(family)
    if (type !== undefined && suffixes[type]?.includes(suffix)) return family
  }
  return sample
}
