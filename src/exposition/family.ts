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

export const allSuffixes: readonly string[] = [...new Set(Object.values(inOpenMetrics).flat())]

export const suffixesOf = (type: MetricType | undefined, openMetrics: boolean): readonly string[] =>
  (type && (openMetrics ? inOpenMetrics : inText)[type]) ?? []

/**
 * The name of the family of a sample: the one declared last if it fits, as Prometheus has it; else another that
 * was declared before; else the sample is a family by itself.
 */
export function familyOf(
  sample: string,
  last: string | undefined,
  typeOf: (family: string) => MetricType | undefined,
  openMetrics: boolean,
): string {
  const isOf = (family: string, suffix: string) => suffixesOf(typeOf(family), openMetrics).includes(suffix)
  if (
    last !== undefined &&
    sample.startsWith(last) &&
    (sample === last || isOf(last, sample.slice(last.length)))
  )
    return last
  if (typeOf(sample) !== undefined) return sample
  const suffix = allSuffixes.find((one) => sample.endsWith(one) && isOf(sample.slice(0, -one.length), one))
  return suffix === undefined ? sample : sample.slice(0, -suffix.length)
}
