// Measures every published figure: `npm run bench`. With the names of sections only these; `--quick` only shows that
// they work; `--write` stores the results and generates docs/BENCHMARKS.md with its charts. A section that fails is
// reported, and the others still run.

import { parseArgs } from 'node:util'
import { store } from './bench/document.ts'
import type { Found, Section } from './bench/section.ts'
import { sections } from './bench/sections.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
})
const unknown = positionals.filter((name) => !sections.some((section) => section.name === name))
if (unknown.length > 0 || (values.quick && values.write)) {
  const names = sections.map(({ name }) => name).join(', ')
  console.error(
    unknown.length > 0 ? `unknown: ${unknown.join(', ')}; sections: ${names}` : 'only full runs are stored',
  )
  process.exit(2)
}
// whatever was started is killed on exit: see processes.ts
for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const])
  process.once(signal, () => process.exit(code))

// the lab takes minutes and needs root, however quick the rest is
const byDefault = sections.filter(({ name }) => !values.quick || name !== 'lab')
const chosen =
  positionals.length === 0 ? byDefault : sections.filter(({ name }) => positionals.includes(name))
let hasFailed = false
for (const [at, section] of chosen.entries()) {
  console.log(`[${at + 1}/${chosen.length}] ${section.title} (${section.name})`)
  try {
    await run(section)
  } catch (error) {
    hasFailed = true
    console.error(error)
  }
}
process.exit(hasFailed ? 1 : 0)

async function run(section: Section): Promise<void> {
  const startedAt = performance.now()
  const found = await section.run(values.quick)
  show(found)
  console.log(`  ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
  if (values.write) store(section.name, found)
}

function show({ rows, lines = [], table }: Found): void {
  for (const { what, figure, peer, ratio } of rows)
    console.log([`  ${what}\n    ${figure}`, peer, ratio].filter(Boolean).join('  |  '))
  for (const { name, up, points } of lines) console.log(`  ${name}, ${up}: ${JSON.stringify(points)}`)
  if (table) console.log(table)
}
