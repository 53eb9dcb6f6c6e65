// Mutation fuzzing of the exposition engine, for as long as one likes: node tools/fuzz.ts [seconds] [seed].
// Damaged pages must be taken or refused, in a time that their size allows, and never with another error;
// what is taken must come out of merge, label and convert as what Prometheus takes. Memory must not grow.

import { createHash } from 'node:crypto'
import { convert } from '../src/exposition/convert.ts'
import { families } from '../src/exposition/families.ts'
import { contentTypeOf, type Offer } from '../src/exposition/formats.ts'
import { inspect } from '../src/exposition/inspect.ts'
import { label } from '../src/exposition/label.ts'
import { merge } from '../src/exposition/merge.ts'
import type { Page } from '../src/model.ts'
import { generatePage } from '../test/exposition/corpus/generate.ts'
import { mutated } from '../test/exposition/corpus/mutate.ts'
import { type Random, seeded } from '../test/exposition/corpus/random.ts'

const limits = { maxSeries: 10_000, maxLine: 100_000 }
const offers: readonly Offer[] = [
  { format: 'text/0.0.4', escaping: 'underscores' },
  { format: 'text/1.0.0', escaping: 'allow-utf-8' },
  { format: 'openmetrics/0.0.1', escaping: 'values' },
  { format: 'openmetrics/1.0.0', escaping: 'allow-utf-8' },
]
/** What one page of a few kilobytes may take at most, and what the process may grow by. */
const longest = 2000
const most = 256 * 2 ** 20

const seconds = Number(process.argv[2] ?? 60)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
console.log(`fuzzing for ${seconds} s with seed ${seed}`)
const random = seeded(seed)
const counts = { inputs: 0, taken: 0, refused: 0, outputs: 0 }
const reasons = new Set<string>()

const start = performance.now()
const memory = settledMemory()
let pool = freshPool(random)
while (performance.now() - start < seconds * 1000) {
  if (counts.inputs % 50_000 === 0) pool = freshPool(random)
  const before = performance.now()
  const { body, openMetrics } = random.one(pool)
  const damaged = mutated(body, random)
  try {
    feed(damaged, openMetrics)
  } catch (error) {
    fail(damaged, openMetrics, error)
  }
  const took = performance.now() - before
  if (took > longest) fail(damaged, openMetrics, new Error(`took ${Math.round(took)} ms`))
}
const growth = settledMemory() - memory
console.log(
  `${counts.inputs} inputs (${counts.taken} taken, ${counts.refused} refused for ${reasons.size} different reasons), ${counts.outputs} outputs checked, memory ${growth < 0 ? '-' : '+'}${Math.abs(Math.round(growth / 2 ** 20))} MiB`,
)
if (growth > most) throw new Error(`memory grew by ${Math.round(growth / 2 ** 20)} MiB`)

function freshPool(random: Random) {
  return Array.from({ length: 200 }, () => generatePage(random))
}

function feed(body: Buffer, openMetrics: boolean): void {
  counts.inputs++
  const found = inspect(body, contentTypeOf(openMetrics ? 'openmetrics/1.0.0' : 'text/0.0.4'), limits)
  if (found.ok) counts.taken++
  else {
    counts.refused++
    reasons.add(found.reason.replace(/found .*|".*"/s, ''))
    return
  }
  // most of what is taken differs from the generated page by little: a part of it is enough
  if (random.chance(0.2)) use({ format: found.format, body: found.mended ?? body })
}

function use(page: Pick<Page, 'format' | 'body'>): void {
  const added = { name: random.one(['slot', 'b', 'le']), value: random.one(['1', 'a"\\\n', 'ü']) }
  const to = random.one(offers)
  families(page)
  check(label(page, added), { format: page.format, escaping: 'allow-utf-8' })
  check(convert(page, to), to)
  const merged = merge([{ page, label: added }, { page }], to)
  const series = check(merged.body, to)
  if (series !== merged.series) throw new Error(`${merged.series} series announced, ${series} there`)
}

function check(body: Uint8Array, { format }: Offer): number {
  counts.outputs++
  const found = inspect(body, contentTypeOf(format), { maxSeries: 100_000, maxLine: 1_000_000 })
  if (!found.ok)
    throw new Error(`the output is refused: line ${found.line}, column ${found.column}: ${found.reason}`)
  if (found.mended) throw new Error('the output had to be mended')
  return found.series
}

function fail(body: Buffer, openMetrics: boolean, error: unknown): never {
  const name = createHash('sha256').update(body).digest('hex').slice(0, 12)
  console.log(
    `failed on ${name} (${openMetrics ? 'OpenMetrics' : 'text'}, seed ${seed}, input ${counts.inputs}):`,
  )
  console.log(body.toString('base64'))
  throw error
}

function settledMemory(): number {
  globalThis.gc?.()
  return process.memoryUsage().rss
}
