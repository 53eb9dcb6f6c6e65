// Hours of running compressed by short intervals: `npm run soak -- --minutes 30`. Three agents, whose containers
// come and go and of which one is killed again and again, are asked without end. Writes docs/SOAK.md; ends with 1 if
// something grows that mustn't.

import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort, type Running, start } from './bench/processes.ts'
import { type Node, startNode } from './soak/node.ts'
import { floors, type Reading, slopeOf } from './soak/slope.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, containers: { type: 'string', default: '30' } },
})
const minutes = Number(values.minutes)
const containers = Number(values.containers)
/** Seconds. The usual one is 10. */
const interval = 0.5
const replaceEvery = 1000
const killEvery = 30_000
const readEvery = 2000
/** Readings that a floor is taken of, and the share of the run in which caches and the heap may still fill. */
const floorOf = 15
const warmUp = 0.25
/** For four floors, of which a slope can be told. */
const fewestMinutes = 3
if (!(minutes >= fewestMinutes)) {
  console.error(`--minutes must be ${fewestMinutes} or more: a slope needs several readings`)
  process.exit(2)
}

/** What must not grow, by its name in /metrics, and by how much over the whole run it may seem to. */
const watched = [
  {
    name: 'process_resident_memory_bytes',
    called: 'resident memory, MiB',
    unit: 2 ** 20,
    share: 0.1,
    least: 4,
  },
  {
    name: 'nodejs_heap_size_used_bytes',
    called: 'JavaScript objects, MiB',
    unit: 2 ** 20,
    share: 0.1,
    least: 4,
  },
  { name: 'nodejs_external_memory_bytes', called: 'buffers, MiB', unit: 2 ** 20, share: 0.1, least: 2 },
  { name: 'process_open_fds', called: 'file descriptors', unit: 1, share: 0.05, least: 4 },
  { name: 'nodejs_active_resources', called: 'handles', unit: 1, share: 0.05, least: 4 },
] as const

const places = [0, 1, 2]
const [ports, sshPorts] = await Promise.all([0, 1].map(() => Promise.all(places.map(freePort))))
const secret = randomBytes(18).toString('base64')

function startAgent(at: number, { host }: Node): Running {
  return start(process.execPath, ['--max-old-space-size=96', 'src/main.ts'], {
    CLUSTER: 'soak',
    DOCKER_HOST: host,
    LISTEN_PORT: `${ports![at]}`,
    SSH_PORT: `${sshPorts![at]}`,
    SSHPASS: secret,
    PEERS: sshPorts!
      .filter((_, other) => other !== at)
      .map((port) => `127.0.0.1:${port}`)
      .join(' '),
    SCRAPE_INTERVAL: `${interval}`,
    FORGET_AFTER: '10',
    LOG_LEVEL: 'silent',
  })
}

async function ask(at: number, path: string, encoding = 'gzip'): Promise<{ status: number; text: string }> {
  try {
    const url = `http://127.0.0.1:${ports![at]}${path}`
    const response = await fetch(url, { headers: { 'accept-encoding': encoding } })
    return { status: response.status, text: await response.text() }
  } catch {
    return { status: 0, text: '' }
  }
}

const done = new AbortController()
async function again(every: number, work: (round: number) => unknown): Promise<void> {
  for (let round = 0; !done.signal.aborted; round += 1) {
    await work(round)
    await pause(every, undefined, { signal: done.signal }).catch(() => {})
  }
}

const statuses = new Map<number, number>()
/** One of the pages of any node, from either of the agents that stay, in each way of asking. */
async function askSomething(nodes: readonly Node[], round: number): Promise<void> {
  const names = nodes[round % 3]!.names()
  const page = `/${names[round % names.length]}/metrics`
  const path = [page, page, page, page, page, page, '/', '/sd', '/nobody/metrics', `/x${round}/metrics`][
    round % 10
  ]!
  const { status } = await ask(round % 2, path, round % 4 === 0 ? 'identity' : 'gzip')
  statuses.set(status, (statuses.get(status) ?? 0) + 1)
}

const readings = new Map<string, Reading[]>()
async function read(): Promise<void> {
  const at = (performance.now() - began) / 3_600_000
  for (const agent of [0, 1]) {
    const { text } = await ask(agent, '/metrics')
    for (const { name, unit } of watched) {
      const samples = [...text.matchAll(new RegExp(`^${name}(?:{.*})? (.+)$`, 'gm'))]
      const value = samples.reduce((sum, [, number]) => sum + Number(number), 0)
      const key = `${agent} ${name}`
      if (samples.length > 0) readings.set(key, [...(readings.get(key) ?? []), { at, value: value / unit }])
    }
  }
}

/** So that one can watch it. */
function tell(): void {
  const last = watched.map(
    ({ name, called }) => `${called} ${readings.get(`0 ${name}`)?.at(-1)?.value.toFixed(1)}`,
  )
  console.log(`${((performance.now() - began) / 60_000).toFixed(0).padStart(4)} min  ${last.join('; ')}`)
}

interface Row {
  readonly text: string
  readonly grows: boolean
}

function judge(
  agent: number,
  { name, called, share, least }: (typeof watched)[number],
  compressed: number,
): Row {
  const all = readings.get(`${agent} ${name}`) ?? []
  const low = floors(all.slice(all.length * warmUp), floorOf)
  if (low.length < 4) throw new Error(`too few readings of ${name}: let it run for longer`)
  const middle = low.toSorted((a, b) => a.value - b.value)[low.length >> 1]!.value
  const slope = slopeOf(low)
  const growth = slope * (low.at(-1)!.at - low[0]!.at)
  const grows = growth > Math.max(least, share * middle)
  const numbers = [low[0]!.value, middle, low.at(-1)!.value].map((value) => value.toFixed(1))
  return {
    text: `| ${called} | ${agent + 1} | ${numbers.join(' | ')} | ${signed(slope)} | ${signed(slope / compressed)} | ${grows ? 'grows' : 'flat'} |`,
    grows,
  }
}

interface Run {
  readonly minutes: number
  readonly replaced: number
  readonly killed: number
  readonly scrapes: number
  /** How many hours at the usual interval are in one of this run, by the scrapes that were really made. */
  readonly compressed: number
}

async function summary(counts: { readonly replaced: number; readonly killed: number }): Promise<Run> {
  const all = [0, 1].map(async (agent) => {
    const { text } = await ask(agent, '/metrics')
    return Number(/^app_metrics_proxy_scrapes_total (\d+)$/m.exec(text)?.[1])
  })
  const scrapes = Math.min(...(await Promise.all(all)))
  const ran = performance.now() - began
  return { ...counts, scrapes, minutes: ran / 60_000, compressed: (scrapes * 10_000) / containers / ran }
}

const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`

function document(rows: readonly Row[], run: Run): string {
  const told = [...statuses].sort().map(([status, count]) => `${count} of ${status}`)
  return `# Soak

The last run of \`npm run soak\`: three agents with ${containers} containers each for ${run.minutes.toFixed(0)} minutes at an interval of ${interval} s. Each of the first
two scraped ${run.scrapes} times or more, as in ${((run.minutes * run.compressed) / 60).toFixed(0)} hours at the usual interval of 10 s. Meanwhile ${run.replaced} containers were replaced by
new ones, the third agent was killed and started again ${run.killed} times, and the others were asked
${[...statuses.values()].reduce((sum, count) => sum + count, 0)} times (${told.join(', ')}; 404, 502 and 503 are for what nobody has and for what has just come or gone).

Each reading is the least of ${(floorOf * readEvery) / 1000} s, from when a quarter of the time had passed; the slopes are those of the closest line.

| of one agent | agent | first | median | last | an hour | an hour at 10 s | |
| --- | --- | --- | --- | --- | --- | --- | --- |
${rows.map(({ text }) => text).join('\n')}
`
}

const nodes = await Promise.all(places.map((at) => startNode(at, containers)))
const agents = nodes.map((node, at) => startAgent(at, node))
const counts = { replaced: 0, killed: 0 }
const began = performance.now()
let rows: readonly Row[] = []
try {
  const work = [
    again(replaceEvery, (round) => {
      nodes[round % 3]!.replaceOne()
      counts.replaced += 1
    }),
    again(20, (round) => askSomething(nodes, round)),
    again(readEvery, read),
    again(60_000, tell),
    again(killEvery, async (round) => {
      if (round === 0) return
      process.kill(agents[2]!.pid, 'SIGKILL')
      await agents[2]![Symbol.asyncDispose]()
      agents[2] = startAgent(2, nodes[2]!)
      counts.killed += 1
    }),
  ]
  await pause(minutes * 60_000)
  done.abort()
  await Promise.all(work)
  const run = await summary(counts)
  rows = [0, 1].flatMap((agent) => watched.map((one) => judge(agent, one, run.compressed)))
  const text = document(rows, run)
  console.log(text)
  writeFileSync('docs/SOAK.md', text)
} finally {
  done.abort()
  await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()))
  await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()))
}
process.exit(rows.some(({ grows }) => grows) ? 1 : 0)
