// Hours of running compressed by short intervals: `npm run soak -- --minutes 30`. Three agents, whose containers
// come and go and of which one is killed again and again, get requests without end. Every so often all pauses, and what
// the two that stay hold is read. Writes docs/SOAK.md; ends with 1 if something grows that mustn't, or if an answer
// was missing.

import { writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Agents, startAgents } from './soak/agents.ts'
import { type Asking, createAsking, known } from './soak/asking.ts'
import { type Node, startNode } from './soak/node.ts'
import { fewestReadings, type Held, type Reading, type Verdict, verdictOn, watched } from './soak/verdict.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, containers: { type: 'string', default: '30' } },
})
const minutes = Number(values.minutes)
const containers = Number(values.containers)
/** Seconds. The usual one is 10. */
const interval = 0.5
const replaceEvery = 500
const askEvery = 20
const busyFor = 17_000
/** What was under way when the asking stopped is over by then. */
const restFor = 1500
/** Every so many rounds the third agent is killed. */
const killEvery = 2
/** The share of the run in which caches fill, and code is compiled. */
const warmUp = 1 / 3
const fewestMinutes = 3
if (!(minutes >= fewestMinutes)) {
  console.error(`--minutes must be ${fewestMinutes} or more: a slope needs ${fewestReadings} readings`)
  process.exit(2)
}

/** The agents that stay. */
const staying = [0, 1] as const
const kindsOfHeld = Object.keys(watched) as (keyof Held)[]

await using stack = new AsyncDisposableStack()
const nodes: Node[] = []
for (const at of [0, 1, 2]) nodes.push(stack.use(await startNode(at, containers)))
const agents = stack.use(await startAgents(nodes, interval))
const asking = createAsking(agents, nodes)
const readings = staying.map((): Reading[] => [])
const counts = { requests: 0, replaced: 0, killed: 0 }
const began = performance.now()
const passed = () => performance.now() - began

async function again(over: AbortSignal, every: number, work: () => unknown): Promise<void> {
  while (!over.aborted) {
    await work()
    await pause(every, undefined, { signal: over }).catch(() => {})
  }
}

async function beBusy(): Promise<void> {
  const over = AbortSignal.timeout(busyFor)
  const replace = () => {
    nodes[counts.replaced % nodes.length]!.replaceOne()
    counts.replaced += 1
  }
  const ask = () => {
    counts.requests += 1
    return asking.ask(counts.requests)
  }
  await Promise.all([again(over, replaceEvery, replace), again(over, askEvery, ask)])
}

async function read(): Promise<void> {
  await pause(restFor)
  for (const agent of staying)
    readings[agent]!.push({ at: passed() / 3_600_000, held: await agents.held(agent) })
}

/** Prints progress. */
function print(): void {
  const { held } = readings[0]!.at(-1)!
  const figures = kindsOfHeld.map((kind) => {
    const { called, unit } = watched[kind]
    return `${called} ${(held[kind] / unit).toFixed(1)}`
  })
  console.log(
    `${(passed() / 60_000).toFixed(1).padStart(5)} min  ${figures.join('; ')}; ${asking.count()} answers`,
  )
}

async function scrapesOf(all: Agents): Promise<number> {
  const made = staying.map(async (agent) => {
    const { text } = await all.ask(agent, '/metrics')
    return Number(/^app_metrics_proxy_scrapes_total (\d+)$/m.exec(text)?.[1])
  })
  return Math.min(...(await Promise.all(made)))
}

const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`

/** `compressed`: how many hours at the usual interval are in one of this run, by the scrapes that were made. */
function rowOf(agent: number, verdict: Verdict, compressed: number): string {
  const { called, first, median, last, slope, allowed, grows } = verdict
  const numbers = [first, median, last].map((value) => value.toFixed(1))
  const slopes = [signed(slope), signed(slope / compressed), allowed.toFixed(1)]
  return `| ${called} | ${agent + 1} | ${[...numbers, ...slopes].join(' | ')} | ${grows ? 'grows' : 'flat'} |`
}

function documentOf(rows: readonly string[], scrapes: number, compressed: number, requests: Asking): string {
  const ran = passed() / 60_000
  return `# Soak

Last run of \`npm run soak\`: three agents with ${containers} containers each, for ${ran.toFixed(0)} minutes at an interval of ${interval} s. Each of the first
two made at least ${scrapes} scrapes, as many as in ${((ran * compressed) / 60).toFixed(1)} hours at the default interval of 10 s. Meanwhile ${counts.replaced} containers were
replaced by new ones, the third agent was killed and restarted ${counts.killed} times, and the other two received ${requests.count()} requests after all were ready:

| request | responses |
| --- | --- |
${requests.rows().join('\n')}

Each application fails every 500th scrape, which is a 502. 504 is a response that took longer than the interval, as on a busy machine; there a new
container may also be discovered later than the ${known / 1000} s after which it counts as running. A request without a response, a list that is refused, and
metrics of an unknown name fail the run.

Every ${Math.round((busyFor + restFor) / 1000)} s everything pauses: no requests, no replacements, garbage is collected, and memory is read. The first third of the readings is not
used, while caches fill and code is compiled. The slope is the median of the slopes between any two readings. Extrapolated from the first
reading to the last, it must not exceed the allowed growth.

| | agent | first | median | last | per hour | per hour at 10 s | allowed | |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}

for (let round = 1; passed() < minutes * 60_000; round += 1) {
  if (round % killEvery === 0) {
    await agents.restart(2)
    counts.killed += 1
  }
  await beBusy()
  await read()
  print()
}
const scrapes = await scrapesOf(agents)
const compressed = (scrapes * 10_000) / containers / passed()
const verdicts = staying.flatMap((agent) =>
  kindsOfHeld.map((kind) => {
    const all = readings[agent]!
    return { agent, verdict: verdictOn(kind, all.slice(Math.floor(all.length * warmUp))) }
  }),
)
const rows = verdicts.map(({ agent, verdict }) => rowOf(agent, verdict, compressed))
const text = documentOf(rows, scrapes, compressed, asking)
console.log(text)
writeFileSync('docs/SOAK.md', text)
for (const wrong of asking.wrong()) console.error(wrong)
const failed = asking.wrong().length > 0 || verdicts.some(({ verdict }) => verdict.grows)
await stack.disposeAsync()
process.exit(failed ? 1 : 0)
