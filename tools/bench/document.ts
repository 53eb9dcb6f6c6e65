// docs/BENCHMARKS.md, made of what the runs have left in docs/benchmarks: each command writes its own part.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { draw, number, type Series, straight } from './chart.ts'
import { warmUp } from './scrape.ts'

export interface Row {
  readonly what: string
  readonly goal: string
  readonly found: string
  readonly beside: string
}

interface Part<T> {
  readonly machine: string
  /** What has to be known of this run. */
  readonly note?: string
  readonly found: readonly T[]
}

type Name = 'table' | 'lab' | 'cluster' | 'growth'
const folder = 'docs/benchmarks'

/** Keeps what a run has found, and makes the document anew. */
export function record(name: Name, found: readonly Row[] | readonly Series[]): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/${name}.json`, `${JSON.stringify({ machine: machine(), found }, null, 2)}\n`)
  writeFileSync('docs/BENCHMARKS.md', document())
}

function machine(): string {
  return `${availableParallelism()} cores of ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.versions.node}`
}

function document(): string {
  const parts = [
    tableOf('table', mainText),
    tableOf('lab', labText),
    tableOf('cluster', clusterText),
    growth(),
  ]
  return `# Benchmarks\n\n${parts.filter((part) => part !== '').join('\n')}`
}

const mainText = (
  machine: string,
) => `The last run of \`npm run bench\`, nine minutes on ${machine}. Figures are
medians, with the least and the most of the runs in brackets; what is compared was run in turn. Such machines are
shared and noisy: the ratios mean more than the times. Agents run as they are shipped: one file, with the flags of the
image. CPU is that of the whole process, user and system. For a scrape’s, all programs run side by side and are measured
in the same seconds, once they are ${warmUp} intervals old.`

const labText = (machine: string) => `## In a real Swarm

The last run of \`npm run bench -- lab\`: three nodes, each a Docker Engine in namespaces of its own, all on one machine,
${machine}.`

const clusterText = (machine: string) => `## A cluster of 10,000 endpoints

The last run of \`npm run bench -- cluster\`: ten agents on one machine, ${machine}.`

function tableOf(name: Name, text: (machine: string) => string): string {
  const part = read<Row>(name)
  if (!part) return ''
  const lines = part.found.map(
    ({ what, goal, found, beside }) => `| ${what} | ${goal} | ${found} | ${beside} |`,
  )
  return `${text(part.machine)}\n\n| what | goal | found | beside |\n| --- | --- | --- | --- |\n${lines.join('\n')}\n`
}

function growth(): string {
  const part = read<Series>('growth')
  if (!part) return ''
  const rows = part.found.map(({ name, across, up, points }) => {
    const { slope, start } = straight(points)
    return `| ${name} | ${across} | ${up} | ${number(start)} | ${number(slope)} |`
  })
  const images = part.found.map((series) => {
    const file = fileOf(series)
    mkdirSync('docs/images', { recursive: true })
    writeFileSync(`docs/images/${file}`, draw(series))
    return `![${series.name}: ${series.up}](images/${file})`
  })
  return `## How cost grows

The last run of \`npm run bench -- growth\`, on ${part.machine}. The dashed line is the straight one with the least
squares: its start is what is paid in any case, its slope what one more costs. It may run beside other work: a single
point says little, the direction more.${part.note ? ` ${part.note}` : ''}

What was tried for the CPU of a scrape, and its outcome. To wake up costs more than to read a page:
what is due within a hundredth of its interval began together, five with 500 endpoints, a third cheaper than one by one.
Now it does within a fortieth, a dozen with one packet for a peer: another quarter cheaper. Within a twentieth it would be a
seventh cheaper still, but all would wait for each other: not done. With
engines of zlib that are used again and one memory for what is unpacked (both given up since, for plain data), a validation in WebAssembly (given up, for one implementation) and half of an idle
agent's wake-ups left out, a scrape costs 0.63 of what it did, all measured side by side. Compiling WebAssembly for speed
is 6 % of it, at no memory that can be measured. A delta is made by zstd with
the page before as its dictionary, which fits any format: 1.75 % of the text on the wire where a delta of lines took 1.1 %, and
0.12 ms instead of 0.08 of its owner for a page of 62 KB, in less than half the code and without WebAssembly. Telling peers as soon as
all scrapes that began together are done, instead of 20 ms later, spares one waking up: 7 %, and a change is visible
sooner. To keep the answers of such scrapes until the last is there, and to read them all in one go, gains nothing.
To send one packet for all that is due, in one write, halves a peer’s cost: kept. ChaCha20 makes two ciphers a packet where AES-GCM makes
one: not taken. The collecting of garbage was 27 % of the main thread and a quarter of all CPU on others, as long as each
unpacking made an engine and a text of its own. An undocumented flag that lets
the heap double before it is gone through saved 40 MiB of 240 with 1,000 endpoints: given up since. Collecting in one thread (\`--single-threaded-gc\`) takes as much and more memory: not
kept.
An idle
agent woke up twenty times a second, most of it to see whether anything was due and how late the event loop is; now it
does so for what is due, all of it at once, four times a second at less than half of the CPU: kept. What is
left is flat: unpacking, deltas, the cipher and the socket are 5 to 9 % each, the event loop and
the collecting of garbage a quarter together. A client of our own instead of
undici spared a tenth of a scrape: given up since, for a library that many others use and watch.
Undici’s request with the body as a stream costs 0.03 ms more for a gzip page than handlers of its callbacks: taken, for half of
the code.
Unpacking in a thread of its own was not tried: the way there and back
costs what it would save.

Cached pages: answering a request that repeats another one before the HTTP parser sees it cost 13.7 µs of CPU in the place
of three times as much. It is given up, with the ready gzip of each page, since nobody would feel it: a page is asked for a
few times a minute, and memory that is held for all answers together can be bounded only where all of them come by.

The status of 10,000 endpoints, none of which a client has asked for within an interval, costs 30 ms if rows change in place
and what a scrape changes is kept as pieces of JSON, and 85 ms as plain objects of which each is serialized once it has
changed: the second is kept, since nobody feels the difference and no value can make its JSON invalid. Noting which targets
change instead of reading all saves two thirds of what a second’s changes cost: given up since, as nobody feels 30 ms. The first answer after a start costs
0.3 s of CPU, since each target’s labels are read and nothing is compiled yet: said here, not in the table.

| what grows | from left to right | what it costs | start | slope |
| --- | --- | --- | ---: | ---: |
${rows.join('\n')}

${images.join('\n')}
`
}

const fileOf = ({ name, up }: Series) =>
  `growth-${`${name} ${up}`.toLowerCase().replaceAll(/[^a-z]+/g, '-')}.svg`.replace('-.svg', '.svg')

function read<T>(name: Name): Part<T> | undefined {
  const file = `${folder}/${name}.json`
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}
