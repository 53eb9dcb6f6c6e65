// Damaged pages must be taken or refused, and never with another error; what is taken must come out of merge, label
// and convert as what Prometheus takes. What repeats a series is found, and not left in a merge.

import { convert } from '../../src/exposition/convert.ts'
import { families } from '../../src/exposition/families.ts'
import type { Exposition } from '../../src/exposition/formats.ts'
import { contentTypeOf, type Offer } from '../../src/exposition/formats.ts'
import { inspect } from '../../src/exposition/inspect.ts'
import { merge } from '../../src/exposition/merge.ts'
import { generatePage } from '../../test/exposition/corpus/generate.ts'
import { mutated } from '../../test/exposition/corpus/mutate.ts'
import { createPieces } from '../../test/exposition/corpus/piece.ts'
import type { Random } from '../../test/exposition/corpus/random.ts'
import { repeated, saidToRepeat } from '../../test/exposition/corpus/repeated.ts'
import type { Engine } from './engine.ts'

const limits = { maxSeries: 10_000, maxLineBytes: 100_000 }
const offers: readonly Offer[] = [
  { format: 'text/0.0.4', escaping: 'underscores' },
  { format: 'text/1.0.0', escaping: 'allow-utf-8' },
  { format: 'openmetrics/0.0.1', escaping: 'values' },
  { format: 'openmetrics/1.0.0', escaping: 'allow-utf-8' },
]
/** How many of the pages have no wound, so that there is enough for what only valid ones come to. */
const whole = 0.1
/** How many are a few lines of a real exporter's page. */
const real = 0.3

export function exposition(random: Random): Engine {
  const counts = { taken: 0, refused: 0, outputs: 0 }
  const reasons = new Set<string>()

  function feed(body: Buffer, openMetrics: boolean): void {
    const found = inspected(body, openMetrics)
    if (found.ok) counts.taken++
    else {
      counts.refused++
      reasons.add(found.reason.replace(/found .*|".*"/s, ''))
      return
    }
    // most of what is taken differs from the generated page by little: a part of it is enough
    if (random.chance(0.2)) use({ format: found.format, body: found.fixed ?? body }, found.remarks)
  }

  function use(page: Exposition, remarks: readonly string[]): void {
    const [said, there] = [saidToRepeat(remarks), repeated(page)]
    if (said !== there) throw new Error(`${said} samples said to repeat a series, ${there} do`)
    const added = { name: random.one(['slot', 'b', 'le']), value: random.one(['1', 'a"\\\n', 'ü']) }
    const to = random.one(offers)
    families(page)
    const own: Offer = { format: page.format, escaping: 'allow-utf-8' }
    check(merge([{ page, label: added }], own).body, own)
    check(convert(page, to), to)
    const merged = merge([{ page, label: added }, { page }], to)
    const series = check(merged.body, to)
    if (series !== merged.series) throw new Error(`${merged.series} series announced, ${series} there`)
    if (repeated(merged) > 0) throw new Error('a series stands twice in a merge')
  }

  function check(body: Uint8Array, { format }: Offer): number {
    counts.outputs++
    const found = inspect(body, contentTypeOf(format), { maxSeries: 100_000, maxLineBytes: 1_000_000 })
    if (!found.ok)
      throw new Error(`the output is refused: line ${found.line}, column ${found.column}: ${found.reason}`)
    if (found.fixed) throw new Error('the output had to be fixed')
    return found.series
  }

  const pieceOf = createPieces()
  const freshPool = () => Array.from({ length: 200 }, () => generatePage(random))
  let pool = freshPool()
  let made = 0
  return {
    next() {
      made++
      if (made % 50_000 === 0) pool = freshPool()
      const { body, openMetrics } = random.chance(real) ? pieceOf(random) : random.one(pool)
      const bytes = random.chance(whole) ? body : mutated(body, random)
      return { bytes, what: openMetrics ? 'OpenMetrics' : 'text', run: () => feed(bytes, openMetrics) }
    },
    summary: () =>
      `${counts.taken} taken, ${counts.refused} refused for ${reasons.size} different reasons, ${counts.outputs} outputs checked`,
  }
}

function inspected(body: Uint8Array, openMetrics: boolean) {
  return inspect(body, contentTypeOf(openMetrics ? 'openmetrics/1.0.0' : 'text/0.0.4'), limits)
}
