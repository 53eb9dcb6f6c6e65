// docs/BENCHMARKS.md, generated from what the runs left in docs/benchmarks: each command writes its own part.
// Run by itself it only generates the document again.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { draw, number, type Series, straight } from './chart.ts'
import { decisions } from './decisions.ts'
import { warmUp } from './scrape.ts'

export interface Row {
  readonly what: string
  readonly budget: string
  readonly figure: string
  /** The figure of what it is compared with, measured in the same run. */
  readonly peer?: string
  /** Of our figure to the peer's. */
  readonly ratio?: string
}

interface Part<T> {
  readonly machine: string
  readonly found: readonly T[]
}

type Name = 'table' | 'lab' | 'cluster' | 'growth'
const folder = 'docs/benchmarks'

/** Stores what a run has found, and generates the document. */
export function record(name: Name, found: readonly Row[] | readonly Series[]): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/${name}.json`, `${JSON.stringify({ machine: machine(), found }, null, 2)}\n`)
  generate()
}

function generate(): void {
  for (const series of read<Series>('growth')?.found ?? []) {
    mkdirSync('docs/images', { recursive: true })
    writeFileSync(`docs/images/${fileOf(series)}`, draw(series))
  }
  writeFileSync('docs/BENCHMARKS.md', document())
}

function machine(): string {
  return `${availableParallelism()} cores of ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.versions.node}`
}

const titles = {
  table: 'One machine (`npm run bench`)',
  lab: 'A Swarm of three nodes (`npm run bench -- lab`)',
  cluster: 'Ten agents, 10,000 endpoints (`npm run bench -- cluster`)',
} as const

function document(): string {
  const rows = Object.entries(titles).flatMap(([name, title]) => {
    const found = read<Row>(name as Name)?.found ?? []
    return found.length === 0 ? [] : [`| **${title}** | | | | |`, ...found.map(lineOf)]
  })
  return `# Benchmarks

| what | budget | figure | peer | ratio |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

Figures are medians, with the lowest and the highest of the runs in brackets. How they are measured: [method](#method).

${growth()}${decisions}
${method()}`
}

const lineOf = ({ what, budget, figure, peer = '', ratio = '' }: Row) =>
  `| ${what} | ${budget} | ${figure} | ${peer} | ${ratio} |`

function growth(): string {
  const part = read<Series>('growth')
  if (!part) return ''
  const rows = part.found.map(({ name, across, up, points }) => {
    const { slope, start } = straight(points)
    return `| ${name} | ${across} | ${up} | ${number(start)} | ${number(slope)} |`
  })
  const images = part.found.map((series) => `![${series.name}: ${series.up}](images/${fileOf(series)})`)
  return `## How cost grows

Measured by \`npm run bench -- growth\`. The dashed line is the linear regression: *start* is the fixed cost, *slope* the cost of one more.
Single points vary, since other work may run beside it.

| what grows | unit | cost | start | slope |
| --- | --- | --- | ---: | ---: |
${rows.join('\n')}

${images.join('\n')}

`
}

function method(): string {
  const machines = (['table', 'lab', 'cluster', 'growth'] as const).flatMap((name) => {
    const part = read<unknown>(name)
    return part ? [`\`${name}\` on ${part.machine}`] : []
  })
  return `## Method

- Machines: ${[...new Set(machines)].join('; ')}. Such machines are shared and noisy: ratios are more reliable than absolute times.
- What is compared runs in turn, in the same run, on the same machine. A peer that is not installed has no figure.
- Agents run as released: one bundled file, with the flags of the image. CPU is user and system time of the whole process.
- CPU per scrape: all programs run side by side and are measured in the same seconds, after ${warmUp} intervals.
- A Swarm of three nodes: each a Docker Engine in its own namespaces, all on one machine.
- The status and \`/sd\` are measured once code is compiled. The first response after a start takes 0.3 s of CPU.
- \`npm run bench\` takes nine minutes. With the names of sections (\`npm run bench -- scrape serve\`) only these run, and nothing is written.
`
}

const fileOf = ({ name, up }: Series) =>
  `growth-${`${name} ${up}`.toLowerCase().replaceAll(/[^a-z]+/g, '-')}.svg`.replace('-.svg', '.svg')

function read<T>(name: Name): Part<T> | undefined {
  const file = `${folder}/${name}.json`
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

if (import.meta.main) generate()
