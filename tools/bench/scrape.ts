// What a scrape costs in CPU, and memory by the number of endpoints: an agent with a peer to which it sends all, beside
// vmagent and Prometheus. All scrape the same targets and are measured in the same seconds, as whole processes: what
// they cost while they do nothing is included.

import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../test/helpers/ports.ts'
import type { Bars } from './chart.ts'
import { fetchPeers, startPrometheus, startPrometheusAgent, startVmagent } from './peers.ts'
import { cpuOf, median, type Running, rssOf, start, startAgent } from './processes.ts'
import { type Found, type Row, ratioOf, type Section, spread } from './section.ts'

export interface ScrapeLoad {
  readonly endpoints: number
  /** Seconds between two scrapes of one endpoint. */
  readonly interval: number
  /**
   * How many intervals old the programs are when they are measured. They run for months: a young one, whose code isn't
   * compiled yet, shows little of that.
   */
  readonly warmUp: number
  /** Of each round. */
  readonly seconds: number
  readonly rounds: number
  /** Of each page. Default: 62,000, as of node_exporter. */
  readonly bytes?: number
  readonly format?: 'text' | 'protobuf'
  /** Only the agent. */
  readonly isAlone?: boolean
}

/** Of one program, in each round. */
export interface Cost {
  readonly msPerScrape: readonly number[]
  readonly rssMiB: readonly number[]
}

interface Program {
  readonly name: string
  readonly pid: number
  /** How many scrapes it has made so far. */
  readonly scrapes: () => Promise<number>
}

const ours = 'app-metrics-proxy'

/** By the program's name; the agent is the first. */
export async function measureScrapes(load: ScrapeLoad): Promise<ReadonlyMap<string, Cost>> {
  await using stack = new AsyncDisposableStack()
  const { endpoints, bytes = 62_000, format = 'text', warmUp, interval } = load
  const targets = stack.use(
    start(process.execPath, ['tools/bench/targets.ts', String(bytes), String(endpoints), format]),
  )
  const port = Number(await targets.firstLine())
  const agent = await startMeasured(stack, addressesOf(endpoints, port), load)
  const programs = [agent, ...(load.isAlone ? [] : await startOthers(stack, port, load))]
  await pause(warmUp * interval * 1000)
  await hasScrapedAll(agent, endpoints)
  const costs = new Map<string, Cost>(programs.map(({ name }) => [name, { msPerScrape: [], rssMiB: [] }]))
  for (let round = 0; round < load.rounds; round += 1) {
    const measured = await Promise.all(programs.map((program) => measure(program, load.seconds)))
    for (const [at, { name }] of programs.entries()) {
      const { msPerScrape, rssMiB } = costs.get(name)!
      const [ms, rss] = measured[at]!
      costs.set(name, { msPerScrape: [...msPerScrape, ms], rssMiB: [...rssMiB, rss] })
    }
  }
  return costs
}

async function measure({ pid, scrapes }: Program, seconds: number): Promise<[ms: number, rss: number]> {
  const [cpuBefore, before] = [cpuOf(pid), await scrapes()]
  await pause(seconds * 1000)
  const [cpu, count] = [cpuOf(pid) - cpuBefore, (await scrapes()) - before]
  return [cpu / count, rssOf(pid)]
}

/** All of 127.0.0.0/8 is this machine: an address for each target, as in real life. */
export function addressesOf(endpoints: number, port: number): readonly string[] {
  return Array.from({ length: endpoints }, (_, n) => `127.1.${n >> 7}.${1 + (n & 127)}:${port}`)
}

async function startMeasured(
  stack: AsyncDisposableStack,
  addresses: readonly string[],
  { interval }: ScrapeLoad,
): Promise<Program> {
  const [port, sshPort, peerPort, peerSshPort] = await freePorts(4)
  const agent = (name: string, own: Record<string, string>) =>
    stack.use(
      startAgent({
        NODE_NAME: name,
        SSHPASS: 'only for this benchmark, on loopback',
        SCRAPE_INTERVAL: String(interval),
        MAX_AGE: 'off',
        LOG_LEVEL: 'error',
        ...own,
      }),
    )
  const peer = agent('peer', {
    LISTEN_PORT: `${peerPort}`,
    SSH_PORT: `${peerSshPort}`,
    PEERS: `127.0.0.1:${sshPort}`,
    TARGETS: `peer=http://127.0.0.1:${peerPort}/metrics`,
  })
  const { pid } = agent('measured', {
    LISTEN_PORT: `${port}`,
    SSH_PORT: `${sshPort}`,
    PEERS: `127.0.0.1:${peerSshPort}`,
    TARGETS: addresses.map((address, n) => `t${n}=http://${address}/metrics`).join(' '),
  })
  const scrapes = async () => {
    if (!peer.isRunning()) throw new Error('the peer has ended')
    return scrapesOf(port!)
  }
  return { name: ours, pid, scrapes }
}

async function freePorts(count: number): Promise<readonly number[]> {
  return Promise.all(Array.from({ length: count }, freePort))
}

async function scrapesOf(port: number): Promise<number> {
  const metrics = await fetch(`http://127.0.0.1:${port}/metrics`).then(
    (response) => response.text(),
    () => '',
  )
  return Number(/^app_metrics_proxy_scrapes_total (\d+)$/m.exec(metrics)?.[1])
}

/** They keep exactly to their schedule: counting their scrapes would only disturb them. */
async function startOthers(
  stack: AsyncDisposableStack,
  port: number,
  { endpoints, interval }: ScrapeLoad,
): Promise<readonly Program[]> {
  await fetchPeers()
  const addresses = addressesOf(endpoints, port)
  const scraping = { addresses, interval, remoteWrite: `http://127.0.0.1:${port}/write` }
  const all: readonly [string, Running][] = [
    ['vmagent', await startVmagent(scraping)],
    ['Prometheus agent', await startPrometheusAgent(scraping)],
    ['Prometheus', await startPrometheus(scraping)],
  ]
  return all.map(([name, running]) => {
    const { pid } = stack.use(running)
    return { name, pid, scrapes: async () => (performance.now() * endpoints) / (interval * 1000) }
  })
}

/** For a machine that is busy with other things, too. */
const scrapedWithinMs = 120_000

async function hasScrapedAll({ scrapes }: Program, endpoints: number): Promise<void> {
  const end = performance.now() + scrapedWithinMs
  while (!((await scrapes()) >= endpoints)) {
    if (performance.now() > end) throw new Error('the agent scrapes less than it should')
    await pause(500)
  }
}

/** Enough for code to be compiled. */
export const warmUp = 24
const sizes = [100, 300, 1000]
/** The number of endpoints for the rows with a budget. */
const usual = 300

export const scrape: Section = {
  name: 'scrape',
  title: 'Scrapes, beside vmagent and Prometheus',
  method: `All programs scrape the same targets every 10 s, each a page of 62 KB of which a fifth changes, and are measured in the
same seconds, five times 15 s, after ${warmUp} intervals; the three numbers of endpoints at the same time. The agent sends all to a
peer; vmagent and Prometheus in agent mode send all by remote write to a server that drops it; Prometheus stores all.`,
  async run(isQuick) {
    const load = isQuick
      ? { interval: 2, warmUp: 3, seconds: 4, rounds: 2 }
      : { interval: 10, warmUp, seconds: 15, rounds: 5 }
    // all take their time to warm up, and leave most of the machine idle
    const [protobuf, ...costs] = await Promise.all([
      measureScrapes({ ...load, endpoints: usual, format: 'protobuf', isAlone: true }),
      ...(isQuick ? [usual] : sizes).map(
        async (endpoints) => [endpoints, await measureScrapes({ ...load, endpoints })] as const,
      ),
    ])
    return foundOf(new Map(costs), protobuf)
  },
}

type Costs = ReadonlyMap<number, ReadonlyMap<string, Cost>>

function foundOf(costs: Costs, protobuf: ReadonlyMap<string, Cost>): Found {
  const most = Math.max(...costs.keys())
  const rows = cpuRows(costs.get(usual)!, protobuf.get(ours)!)
  return {
    rows: [...rows, rssRow(costs.get(most)!, most)],
    bars: [
      barsOf('CPU of one scrape, ms', costs, ({ msPerScrape }) => median(msPerScrape)),
      barsOf('Resident memory, MiB', costs, ({ rssMiB }) => median(rssMiB)),
    ],
    table: tableOf(costs),
  }
}

/** Our share of what the other one needs. */
const budgets = new Map([
  ['vmagent', 0.7],
  ['Prometheus', 0.55],
])
const protobufBudget = 1.5
const rssBudgetMiB = 300e6 / 2 ** 20

function cpuRows(costs: ReadonlyMap<string, Cost>, protobuf: Cost): readonly Row[] {
  const own = costs.get(ours)!.msPerScrape
  const isOver = (budget: number, one: readonly number[], other: readonly number[]) =>
    median(one) > budget * median(other)
  const rows = [...budgets].map(([name, budget]) => {
    const theirs = costs.get(name)!.msPerScrape
    return {
      what: `CPU of a scrape: 62 KB, ${usual} endpoints, every 10 s, one peer`,
      budget: `${budget} of ${name}`,
      isMissed: isOver(budget, own, theirs),
      figure: `${spread(own, 2)} ms`,
      peer: `${name} ${spread(theirs, 2)} ms`,
      ratio: ratioOf(own, theirs),
    }
  })
  const inProtobuf = {
    what: 'the same metrics in protobuf',
    budget: `${protobufBudget} of text`,
    isMissed: isOver(protobufBudget, protobuf.msPerScrape, own),
    figure: `${spread(protobuf.msPerScrape, 2)} ms`,
    peer: `text ${spread(own, 2)} ms`,
    ratio: ratioOf(protobuf.msPerScrape, own),
  }
  return [...rows, inProtobuf]
}

function rssRow(costs: ReadonlyMap<string, Cost>, endpoints: number): Row {
  const own = costs.get(ours)!.rssMiB
  const others = [...costs].filter(([name]) => name !== ours)
  return {
    what: `resident memory: ${endpoints.toLocaleString('en')} endpoints of 62 KB`,
    budget: '300 MB',
    isMissed: median(own) > rssBudgetMiB,
    figure: `${spread(own, 0)} MiB`,
    peer: others.map(([name, { rssMiB }]) => `${name} ${median(rssMiB).toFixed(0)}`).join('; '),
    ratio: others.map(([, { rssMiB }]) => ratioOf(own, rssMiB)).join('; '),
  }
}

/** A line for each program; CPU and memory for each number of endpoints. */
function tableOf(costs: Costs): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const sizes = [...costs.keys()].map((endpoints) => endpoints.toLocaleString('en'))
  const names = [...costs.values()][0]!.keys()
  const cells = (name: string) =>
    [...costs.values()].flatMap((byName) => {
      const { msPerScrape, rssMiB } = byName.get(name)!
      return [`${median(msPerScrape).toFixed(2)} ms`, `${median(rssMiB).toFixed(0)} MiB`]
    })
  return [
    line(['endpoints', ...sizes.flatMap((size) => [`${size}: CPU of a scrape`, 'memory'])]),
    line(['---', ...sizes.flatMap(() => ['---:', '---:'])]),
    ...[...names].map((name) => line([name, ...cells(name)])),
  ].join('\n')
}

function barsOf(
  title: string,
  costs: ReadonlyMap<number, ReadonlyMap<string, Cost>>,
  value: (cost: Cost) => number,
): Bars {
  const groups = [...costs].map(([endpoints, byName]) => ({
    name: `${endpoints.toLocaleString('en')} endpoints`,
    values: [...byName].map(([name, cost]) => ({ name, value: value(cost), isOurs: name === ours })),
  }))
  return { title, groups }
}
