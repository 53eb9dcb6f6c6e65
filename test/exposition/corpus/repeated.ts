// How many samples of a page repeat a series: found without any hash.

import { type Exposition, formatOf } from '../../../src/exposition/formats.ts'
import { seriesKey } from '../../../src/exposition/scan/duplicates.ts'

/** The page must be one that `inspect` took. */
export function repeated({ format, body }: Exposition): number {
  const samples = [...formatOf(format).grammar.parse(body)].flatMap((family) => family.samples)
  return samples.length - new Set(samples.map(seriesKey)).size
}

/** How many are said to do so in the remarks on a page. */
export const saidToRepeat = (remarks: readonly string[]) =>
  Number(remarks.map((remark) => /^(\d+) samples? repeats? /.exec(remark)?.[1]).find(Boolean) ?? 0)
