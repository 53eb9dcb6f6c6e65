// A page that is vouched for must be one of which the close reader has nothing to say but how many series it has.
// Of the others some are read, too, to tell how many could have been vouched for.

import { isDeepStrictEqual } from 'node:util'
import { readClosely } from '../../src/exposition/inspect.ts'
import { skim } from '../../src/exposition/skim/skim.ts'
import type { Format } from '../../src/model.ts'
import { generatePage } from '../../test/exposition/corpus/generate.ts'
import { mutated } from '../../test/exposition/corpus/mutate.ts'
import { createPieces } from '../../test/exposition/corpus/piece.ts'
import type { Random } from '../../test/exposition/corpus/random.ts'
import type { Engine } from './engine.ts'

const limits = { maxSeries: 20, maxLine: 200 }
/** How many of the pages have no wound. */
const whole = 0.05
/** How many of those that aren't vouched for are read. */
const sampled = 0.05
/** How many are made by chance, with something unusual in nearly every line. */
const generated = 0.2

export function skimming(random: Random): Engine {
  const pieceOf = createPieces()
  const counts = { vouched: 0, left: 0, passed: 0, refused: 0 }

  function feed(body: Buffer, openMetrics: boolean): void {
    const format = openMetrics ? 'openmetrics/1.0.0' : 'text/0.0.4'
    const series = skim(body, openMetrics, limits)
    if (series === undefined) {
      leave(body, format)
      return
    }
    counts.vouched++
    const found = readClosely(format, body, limits)
    if (!isDeepStrictEqual(found, { ok: true, format, series, remarks: [] }))
      throw new Error(`vouched for ${series} series: ${JSON.stringify(found)}`)
  }

  function leave(body: Buffer, format: Format): void {
    counts.left++
    if (!random.chance(sampled)) return
    const found = readClosely(format, body, limits)
    if (!found.ok) counts.refused++
    else if (found.remarks.length === 0 && found.format === format) counts.passed++
  }

  return {
    next() {
      const { body, openMetrics } = random.chance(generated) ? generatePage(random) : pieceOf(random)
      const bytes = random.chance(whole) ? body : mutated(body, random)
      return { bytes, what: openMetrics ? 'OpenMetrics' : 'text', run: () => feed(bytes, openMetrics) }
    },
    summary: () => `${counts.vouched} vouched for, ${counts.passed} others passed, ${counts.refused} refused`,
  }
}
