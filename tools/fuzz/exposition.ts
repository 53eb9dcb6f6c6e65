// Damaged pages must be accepted or refused, and never with another error; what is accepted must come out of merge,
// label and convert as what Prometheus accepts. What repeats a series is not left in a merge.

import { deepStrictEqual } from 'node:assert'
import type { Exposition } from '../../src/exposition/formats.ts'
import { contentTypeOf, type NegotiatedFormat } from '../../src/exposition/formats.ts'
import { inspect } from '../../src/exposition/inspect.ts'
import { convert, merge } from '../../src/exposition/merge.ts'
import type { Format } from '../../src/model.ts'
import { type Generated, generatePage } from '../../test/exposition/corpus/generate.ts'
import { mutated } from '../../test/exposition/corpus/mutate.ts'
import { createPieces } from '../../test/exposition/corpus/piece.ts'
import type { Random } from '../../test/exposition/corpus/random.ts'
import { repeated } from '../../test/exposition/corpus/repeated.ts'
import { generateFamilies } from '../../test/exposition/protobuf/generate.ts'
import { decoded, protobufPage } from '../../test/exposition/protobuf/judge.ts'
import { metricsOf } from '../../test/exposition/protobuf/metrics.ts'
import { families } from '../../test/helpers/families.ts'
import { damaged } from './damage.ts'
import type { Engine } from './engine.ts'

const limits = { maxSeries: 10_000, maxLineBytes: 100_000 }
const offers: readonly NegotiatedFormat[] = [
  { format: 'text/0.0.4', escaping: 'underscores' },
  { format: 'text/1.0.0', escaping: 'allow-utf-8' },
  { format: 'openmetrics/0.0.1', escaping: 'values' },
  { format: 'openmetrics/1.0.0', escaping: 'allow-utf-8' },
  { format: 'protobuf', escaping: 'allow-utf-8' },
  { format: 'protobuf', escaping: 'underscores' },
]
/** Shares of the pages. */
interface Shares {
  /** Those not damaged, so that enough of them are valid. */
  readonly intact: number
  /** A few lines of a real exporter's page. */
  readonly real: number
  /** Of the others, those in protobuf. */
  readonly binary: number
}

interface Input {
  readonly format: Format
  readonly body: Buffer
}

export const exposition = (random: Random) => fuzzPages(random, { intact: 0.1, real: 0.3, binary: 0.4 })
/** Protobuf alone, all of it damaged. */
export const protobuf = (random: Random) => fuzzPages(random, { intact: 0, real: 0, binary: 1 })

function fuzzPages(random: Random, { intact, real, binary }: Shares): Engine {
  const counts = { accepted: 0, refused: 0, outputs: 0 }
  const reasons = new Set<string>()

  function feed({ format, body }: Input): void {
    const found = inspect(body, contentTypeOf(format), limits)
    if (found.ok) counts.accepted++
    else {
      counts.refused++
      reasons.add(found.reason.replace(/found .*|".*"|, in the family .*|\d+/gs, ''))
      return
    }
    if (format === 'protobuf') judge({ format, body })
    // most of what is accepted differs from the generated page by little: a part of it is enough
    if (random.chance(0.2)) use({ ...found, body: found.normalized ?? body })
  }

  /** What is accepted, protobufjs decodes as well, and to the same. */
  function judge(page: Exposition): void {
    const given = metricsOf(decoded(page.body))
    if (repeated(page) > 0) return
    const own: NegotiatedFormat = { format: 'protobuf', escaping: 'allow-utf-8' }
    const merged = merge([{ page }], own)
    deepStrictEqual(metricsOf(decoded(merged.body)), given)
  }

  function use(page: Exposition): void {
    // of a protobuf histogram `le` is no label, so none can be moved for it
    const names = page.format === 'protobuf' ? ['slot', 'b'] : ['slot', 'b', 'le']
    const added = { name: random.one(names), value: random.one(['1', 'a"\\\n', 'ü']) }
    const to = random.one(offers)
    families(page)
    const own: NegotiatedFormat = { format: page.format, escaping: 'allow-utf-8' }
    check(merge([{ page, label: added }], own).body, own)
    check(convert(page, to), to)
    const merged = merge([{ page, label: added }, { page }], to)
    const series = check(merged.body, to)
    if (series !== merged.series) throw new Error(`${merged.series} series announced, ${series} there`)
    if (repeated(merged) > 0) throw new Error('a series occurs twice in a merge')
  }

  function check(body: Uint8Array, { format }: NegotiatedFormat): number {
    counts.outputs++
    const found = inspect(body, contentTypeOf(format), { maxSeries: 100_000, maxLineBytes: 1_000_000 })
    if (!found.ok)
      throw new Error(`the output is refused: line ${found.line}, column ${found.column}: ${found.reason}`)
    if (found.normalized) throw new Error('the output had to be fixed')
    return found.series
  }

  const pieceOf = createPieces()
  const inputOf = ({ openMetrics, body }: Generated): Input => ({
    format: openMetrics ? 'openmetrics/1.0.0' : 'text/0.0.4',
    body,
  })
  const freshPool = () =>
    Array.from({ length: 200 }, () =>
      random.chance(binary) ? protobufPage(generateFamilies(random)) : inputOf(generatePage(random)),
    )
  let pool: readonly Input[] = freshPool()
  let made = 0
  return {
    next() {
      made++
      if (made % 50_000 === 0) pool = freshPool()
      const { format, body } = random.chance(real) ? inputOf(pieceOf(random)) : random.one(pool)
      const changed = () =>
        format === 'protobuf' && random.chance(0.5) ? damaged(body, random).bytes : mutated(body, random)
      const bytes = random.chance(intact) ? body : changed()
      return { bytes, what: format, run: () => feed({ format, body: bytes }) }
    },
    summary: () =>
      `${counts.accepted} accepted, ${counts.refused} refused for ${reasons.size} different reasons, ${counts.outputs} outputs checked`,
  }
}
