// How many samples, or metrics of protobuf, repeat a series.

import { seriesKey } from '../../../src/exposition/conflicts.ts'
import { type Exposition, formatOf } from '../../../src/exposition/formats.ts'

/** The page must be one that `inspect` took. */
export function repeated({ format, body }: Exposition): number {
  const samples = [...formatOf(format).grammar.parse(body, 'encoded')].flatMap((family) => family.samples)
  return samples.length - new Set(samples.map(seriesKey)).size
}
