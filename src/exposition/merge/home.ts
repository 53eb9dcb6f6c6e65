// Where a sample goes in another format: what is one family in OpenMetrics may be several in text.

import type { MetricType } from '../scan/scan.ts'

/**
 * A family of a merge. A counter's key is the name that its samples have (`requests_total`), so that the
 * same counter from a text page and from an OpenMetrics page is one family.
 */
export interface Home {
  readonly key: string
  readonly type: MetricType | undefined
}

/** Each: whether it is OpenMetrics. */
export interface Direction {
  readonly from: boolean
  readonly to: boolean
}

/** The home of a sample of a family, or of the family itself. */
export function homeOf(
  family: string,
  type: MetricType | undefined,
  sample: string | undefined,
  { from, to }: Direction,
): Home {
  if (!from) return { key: family, type }
  if (to) return { key: type === 'counter' ? `${family}_total` : family, type }
  const main = mainInText(family, type)
  if (sample === undefined || sample === main.key) return main
  if (splitOff.includes(sample.slice(family.length))) return { key: sample, type: 'gauge' }
  if (type === 'counter') return { key: sample, type: sample === family ? type : undefined }
  return type === 'info' ? { key: sample, type: undefined } : main
}

/** Samples that only OpenMetrics has as parts of a family. */
const splitOff = ['_created', '_gsum', '_gcount']

function mainInText(family: string, type: MetricType | undefined): Home {
  switch (type) {
    case 'counter':
      return { key: `${family}_total`, type }
    case 'info':
      return { key: `${family}_info`, type: 'gauge' }
    case 'stateset':
      return { key: family, type: 'gauge' }
    case 'gaugehistogram':
      return { key: family, type: 'histogram' }
    default:
      return { key: family, type }
  }
}
