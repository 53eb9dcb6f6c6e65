// How many samples of a page repeat a series: found without any hash, with each line read as if it were the first.

import type { Exposition } from '../../../src/exposition/formats.ts'
import { isOpenMetrics } from '../../../src/exposition/formats.ts'
import { keyOf } from '../../../src/exposition/key.ts'
import { readerOf } from '../../../src/exposition/scan/reader.ts'
import { Kind, Scan } from '../../../src/exposition/scan/scan.ts'

/** The page must be one that `inspect` took. */
export function repeated({ format, body }: Exposition): number {
  const next = readerOf(format)
  const keys = new Set<string>()
  let samples = 0
  let kind: Kind = body.length === 0 ? Kind.end : Kind.comment
  for (let at = 0; kind !== Kind.end; ) {
    const scan = new Scan(body, isOpenMetrics(format))
    scan.at = at
    kind = next(scan)
    at = scan.at
    if (kind !== Kind.sample) continue
    samples++
    keys.add(keyOf(scan))
  }
  return samples - keys.size
}

/** How many are said to do so in the remarks on a page. */
export const saidToRepeat = (remarks: readonly string[]) =>
  Number(remarks.map((remark) => /^(\d+) samples? repeats? /.exec(remark)?.[1]).find(Boolean) ?? 0)
