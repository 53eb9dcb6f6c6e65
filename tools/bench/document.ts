// docs/BENCHMARKS.md and its charts, generated from what runs left in docs/benchmarks, a file for each section. Run by
// itself it only generates them again.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { drawBars, drawLine, number, regression } from './chart.ts'
import { decisions } from './decisions.ts'
import type { Found, Row, Section } from './section.ts'
import { sections } from './sections.ts'

interface Stored extends Found {
  readonly machine: string
  /** Of the last five minutes of the run; much of it is the benchmark's own. */
  readonly load: number
  /** The day of the run, to compare with the code's. */
  readonly date: string
}

const folder = 'docs/benchmarks'
const images = 'docs/images'

/** Stores what a section has found, and generates the document. */
export function store(name: string, found: Found): void {
  mkdirSync(folder, { recursive: true })
  const load = Number(loadavg()[1]!.toFixed(1))
  const stored: Stored = { machine: machine(), load, date: new Date().toISOString().slice(0, 10), ...found }
  writeFileSync(`${folder}/${name}.json`, `${JSON.stringify(stored, null, 2)}\n`)
  generate()
}

function machine(): string {
  return `${availableParallelism()} cores of ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.versions.node}`
}

type Part = Stored & Pick<Section, 'name' | 'title' | 'method'>

function read(): readonly Part[] {
  return sections.flatMap(({ name, title, method }) => {
    const file = `${folder}/${name}.json`
    if (!existsSync(file)) return []
    return [{ ...(JSON.parse(readFileSync(file, 'utf8')) as Stored), name, title, method }]
  })
}

function generate(): void {
  const parts = read()
  for (const file of readdirSync(images)) if (file.startsWith('bench-')) rmSync(`${images}/${file}`)
  for (const { file, svg } of parts.flatMap(chartsOf)) writeFileSync(`${images}/${file}`, svg)
  writeFileSync('docs/BENCHMARKS.md', documentOf(parts))
}

interface Chart {
  readonly file: string
  readonly svg: string
  readonly title: string
}

function chartsOf({ name, bars = [], lines = [] }: Part): readonly Chart[] {
  const all = [
    ...bars.map((one) => ({ title: one.title, svg: drawBars(one) })),
    ...lines.map((one) => ({ title: `${one.name}: ${one.up}`, svg: drawLine(one) })),
  ]
  return all.map((chart, at) => ({ ...chart, file: `bench-${name}-${at + 1}.svg` }))
}

function documentOf(parts: readonly Part[]): string {
  const budgets = parts.flatMap(({ rows }) => rows.filter(({ budget }) => budget !== undefined))
  return `# Benchmarks

app-metrics-proxy ${JSON.parse(readFileSync('package.json', 'utf8')).version}, vmagent 1.145, Prometheus 3.5.3, exporter_exporter 0.5.0. What is compared ran on the same machine in
the same seconds, or in turn; such machines are shared and noisy, so **the ratios are more reliable than the absolute figures**. Figures
are medians, with the lowest and the highest of the rounds in brackets. ${loadOf(parts)}

| what | budget | figure | peer | ratio |
| --- | --- | --- | --- | --- |
${budgets.map(budgetRow).join('\n')}

${parts
  .map(sectionOf)
  .filter((text) => text !== '')
  .join('\n')}
${decisions}
${methodOf(parts)}`
}

/** Much of it is the benchmark's own, but more than two for each core is not. */
function loadOf(parts: readonly Part[]): string {
  const [least, most] = [
    Math.min(...parts.map(({ load }) => load)),
    Math.max(...parts.map(({ load }) => load)),
  ]
  const text = `The load average of its ${availableParallelism()} cores was ${least} to ${most} meanwhile.`
  return most > 2 * availableParallelism()
    ? `${text} **Other work kept them busy: times are longer than on a quiet machine.**`
    : text
}

const budgetRow = ({ what, budget = '', isMissed = false, figure, peer = '', ratio = '' }: Row) =>
  `| ${what} | ${budget}${isMissed ? ' (**missed**)' : ''} | ${figure} | ${peer} | ${ratio} |`

/** Its charts, and its figures without a budget. */
function sectionOf(part: Part): string {
  const charts = chartsOf(part).map(({ title, file }) => `![${title}](images/${file})`)
  const rows = part.rows.filter(({ budget }) => budget === undefined)
  const table =
    rows.length > 0
      ? ['| what | figure | peer | ratio |', '| --- | --- | --- | --- |', ...rows.map(plainRow)]
      : []
  const blocks = [
    `## ${part.title}`,
    charts.join('\n'),
    table.join('\n'),
    part.table ?? '',
    part.lines ? growthTable(part.lines) : '',
  ].filter((block) => block !== '')
  return blocks.length === 1 ? '' : `${blocks.join('\n\n')}\n`
}

const plainRow = ({ what, figure, peer = '', ratio = '' }: Row) =>
  `| ${what} | ${figure} | ${peer} | ${ratio} |`

function growthTable(lines: NonNullable<Found['lines']>): string {
  const rows = lines.map(({ name, across, up, points }) => {
    const { slope, start } = regression(points)
    return `| ${name} | ${across} | ${up} | ${number(start)} | ${number(slope)} |`
  })
  return `The dashed line is the linear regression: *start* is the fixed cost, *slope* the cost of one more.

| what grows | unit | cost | start | slope |
| --- | --- | --- | ---: | ---: |
${rows.join('\n')}`
}

function methodOf(parts: readonly Part[]): string {
  const machines = [...new Set(parts.map(({ machine }) => machine))]
  const sections = parts.map(
    ({ title, name, method, load, date }) =>
      `- **${title}** (\`npm run bench -- ${name}\`, ${date}, load ${load.toFixed(1)}): ${method}`,
  )
  return `## Method

\`npm run bench -- --write\` measures everything and generates this page and its charts, in half an hour; with names of sections it measures
and replaces only these. \`--quick\` takes two minutes, shows that everything works, and writes nothing. The programs to compare are Debian's packages, unpacked into
a cache folder and not installed. Agents run as released: one bundled file, with the flags and the environment of the image. CPU is user and
system time of a whole process. *Load* is the machine's load average during the section, much of it the benchmark's own.

${machines.map((one) => `- Machine: ${one}.`).join('\n')}
${sections.join('\n')}
`
}

if (import.meta.main) generate()
