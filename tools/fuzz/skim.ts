// A page that is vouched for must be one of which the close reader has nothing to say but how many series it has.
// How many of those that are like that are vouched for is counted.

import { isDeepStrictEqual } from 'node:util'
import { readClosely } from '../../src/exposition/inspect.ts'
import { skim } from '../../src/exposition/skim/skim.ts'
import { exporters } from '../../test/exposition/corpus/corpus.ts'
import { generatePage } from '../../test/exposition/corpus/generate.ts'
import { mutated } from '../../test/exposition/corpus/mutate.ts'
import { pieceOf } from '../../test/exposition/corpus/piece.ts'
import type { Random } from '../../test/exposition/corpus/random.ts'
import type { Engine } from './engine.ts'

const limits = { maxSeries: 20, maxLine: 200 }
/** How many of the pages have no wound. */
const whole = 0.05
const real = exporters()

export function skimming(random: Random): Engine {
  const counts = { vouched: 0, passed: 0, refused: 0 }

  function feed(body: Buffer, openMetrics: boolean): void {
    const format = openMetrics ? 'openmetrics/1.0.0' : 'text/0.0.4'
    const found = readClosely(format, body, limits)
    const series = skim(body, openMetrics, limits)
    if (series === undefined) {
      if (!found.ok) counts.refused++
      else if (found.remarks.length === 0 && found.format === format) counts.passed++
      return
    }
    counts.vouched++
    if (!isDeepStrictEqual(found, { ok: true, format, series, remarks: [] }))
      throw new Error(`vouched for ${series} series: ${JSON.stringify(found)}`)
  }

  function page(): { body: Buffer; openMetrics: boolean } {
    if (random.chance(0.2)) return generatePage(random)
    const one = random.one(real)
    return { body: pieceOf(one, random), openMetrics: one.openMetrics }
  }

  return {
    next() {
      const { body, openMetrics } = page()
      const bytes = random.chance(whole) ? body : mutated(body, random)
      return { bytes, what: openMetrics ? 'OpenMetrics' : 'text', run: () => feed(bytes, openMetrics) }
    },
    summary: () => `${counts.vouched} vouched for, ${counts.passed} others passed, ${counts.refused} refused`,
  }
}
