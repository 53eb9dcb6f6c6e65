// How many samples, or metrics of protobuf, repeat a series: found without any hash.

import { seriesKey } from '../../../src/exposition/duplicates.ts'
import { type Exposition, formatOf } from '../../../src/exposition/formats.ts'

/** The page must be one that `inspect` took. */
export function repeated({ format, body }: Exposition): number {
  const samples = [...formatOf(format).grammar.parse(body, 'encoded')].flatMap((family) => family.samples)
  return samples.length - new Set(samples.map(seriesKey)).size
}

/** How many do so according to the remarks on it. */
export const reportedRepeats = (remarks: readonly string[]) =>
  Number(remarks.map((remark) => /^(\d+) (?:sample|metric)s? repeats? /.exec(remark)?.[1]).find(Boolean) ?? 0)
