// What one scrape of a 62 KB page costs in CPU: the agent, with a peer that all is offered to and without,
// beside a real Prometheus on the same targets. All are whole processes, side by side; idle costs are part of it.

import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../test/helpers/ports.ts'
import { cpuOver, median, type Running, rssOf, start, startAgent } from './processes.ts'

export interface ScrapeBench {
  readonly endpoints: number
  /** Seconds between two scrapes of one endpoint. */
  readonly interval: number
  /**
   * How many intervals old the programs are when they are measured. They run for months: what is young, code that isn't
   * compiled yet above all, would say little of that.
   */
  readonly warmUp: number
  /** Seconds of measuring. */
  readonly seconds: number
  readonly rounds: number
  /** Bytes of each page; as many as node_exporter's has where absent. */
  readonly bytes?: number
  /** In which format the same metrics are; text where absent. */
  readonly format?: 'text' | 'protobuf'
  /** What is measured beside the agent with a peer. */
  readonly beside: readonly ('alone' | 'prometheus')[]
}

/** What is enough for code to be compiled as it stays. */
export const warmUp = 24

/** Of one program over all rounds. */
export interface Cost {
  /** CPU milliseconds a scrape. */
  readonly scrape: readonly number[]
  /** MiB. */
  readonly rss: readonly number[]
}

export interface ScrapeResult {
  readonly agent: Cost
  /** The same without a peer: fetched, validated and stored only. False where that wasn't wanted. */
  readonly alone: Cost | false
  /** False where that wasn't wanted, or Debian's Prometheus isn't installed. */
  readonly prometheus: Cost | false
}

/** One of the programs that scrape the same targets. */
interface Subject {
  readonly pid: number
  /** How many scrapes it has done so far. */
  readonly scrapes: () => Promise<number>
}

/** All run side by side, and are measured in the same seconds. */
export async function benchScrape(options: ScrapeBench): Promise<ScrapeResult> {
  await using stack = new AsyncDisposableStack()
  const { endpoints, beside } = options
  const targets = stack.use(start(process.execPath, targetsOf(options)))
  const addresses = addressesOf(endpoints, Number(await targets.firstLine()))
  const agent = await startWith(stack, addresses, options, true)
  const alone = beside.includes('alone') && (await startWith(stack, addresses, options, false))
  const prometheus =
    beside.includes('prometheus') && hasPrometheus() && (await startPrometheus(stack, addresses, options))
  const subjects = [agent, alone, prometheus].filter((subject) => subject !== false)
  await warmedUp(agent, options)
  const runs = new Map<Subject, [number, number][]>(subjects.map((subject) => [subject, []]))
  for (let round = 0; round < options.rounds; round += 1) {
    const costs = await Promise.all(subjects.map((subject) => costOver(subject, options.seconds)))
    for (const [at, subject] of subjects.entries()) runs.get(subject)!.push(costs[at]!)
  }
  return {
    agent: costOf(runs.get(agent)!),
    alone: alone && costOf(runs.get(alone)!),
    prometheus: prometheus && costOf(runs.get(prometheus)!),
  }
}

function targetsOf({ bytes = 62_000, endpoints, format = 'text' }: ScrapeBench): string[] {
  return ['tools/bench/targets.ts', String(bytes), String(endpoints), format]
}

function costOf(runs: readonly [number, number][]): Cost {
  return { scrape: runs.map(([scrape]) => scrape), rss: runs.map(([, rss]) => rss) }
}

/** All of 127.0.0.0/8 is this machine: an address for each target, as in real life. */
export function addressesOf(endpoints: number, port: number): readonly string[] {
  return Array.from({ length: endpoints }, (_, n) => `127.1.${n >> 7}.${1 + (n & 127)}:${port}`)
}

async function startWith(
  stack: AsyncDisposableStack,
  addresses: readonly string[],
  options: ScrapeBench,
  withPeer: boolean,
): Promise<Subject> {
  const port = await freePort()
  const sshPort = await freePort()
  const peerSshPort = await freePort()
  if (withPeer) stack.use(await startPeer(options, sshPort, peerSshPort))
  const { pid } = stack.use(
    scraping(options, {
      NODE_NAME: 'measured',
      LISTEN_PORT: String(port),
      SSH_PORT: String(sshPort),
      TARGETS: addresses.map((address, n) => `t${n}=http://${address}/metrics`).join(' '),
      ...(withPeer ? { PEERS: `127.0.0.1:${peerSshPort}` } : {}),
    }),
  )
  return { pid, scrapes: () => scrapesOf(port) }
}

async function scrapesOf(port: number): Promise<number> {
  const own = await fetch(`http://127.0.0.1:${port}/metrics`).then(
    (response) => response.text(),
    () => '',
  )
  return Number(/^app_metrics_proxy_scrapes_total (\d+)$/m.exec(own)?.[1])
}

async function startPeer(options: ScrapeBench, sshPort: number, ownSshPort: number): Promise<Running> {
  const port = await freePort()
  return scraping(options, {
    NODE_NAME: 'peer',
    LISTEN_PORT: String(port),
    SSH_PORT: String(ownSshPort),
    TARGETS: `peer=http://127.0.0.1:${port}/metrics`,
    PEERS: `127.0.0.1:${sshPort}`,
  })
}

function scraping({ interval }: ScrapeBench, own: Record<string, string>): Running {
  return startAgent({
    SSHPASS: 'only for this benchmark, on loopback',
    SCRAPE_INTERVAL: String(interval),
    MAX_AGE: 'off',
    LOG_LEVEL: 'error',
    ...own,
  })
}

async function startPrometheus(
  stack: AsyncDisposableStack,
  addresses: readonly string[],
  { interval }: ScrapeBench,
): Promise<Subject> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-prometheus-'))
  stack.defer(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'prometheus.yml'), prometheusConfig(addresses, interval))
  const { pid } = stack.use(
    start('prometheus', [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${await freePort()}`,
      '--log.level=error',
    ]),
  )
  // its schedule is exact, so that counting would only disturb it
  const began = performance.now()
  return { pid, scrapes: async () => ((performance.now() - began) * addresses.length) / (interval * 1000) }
}

/** For a machine that is busy with other things, too. */
const patience = 120_000

async function warmedUp({ scrapes }: Subject, { endpoints, interval, warmUp }: ScrapeBench): Promise<void> {
  await pause(warmUp * interval * 1000)
  const end = performance.now() + patience
  while (!((await scrapes()) >= endpoints)) {
    if (performance.now() > end) throw new Error('the agent scrapes less than it should')
    await pause(500)
  }
}

async function costOver({ pid, scrapes }: Subject, seconds: number): Promise<[number, number]> {
  const before = await scrapes()
  const cpu = await cpuOver(pid, seconds * 1000)
  return [cpu / ((await scrapes()) - before), rssOf(pid)]
}

function prometheusConfig(addresses: readonly string[], interval: number): string {
  const scrape = { job_name: 'bench', static_configs: [{ targets: addresses }] }
  return JSON.stringify({ global: { scrape_interval: `${interval * 1000}ms` }, scrape_configs: [scrape] })
}

function hasPrometheus(): boolean {
  return spawnSync('prometheus', ['--version']).status === 0
}

if (import.meta.main) {
  const [endpoints = 500, interval = 10, seconds = 20, rounds = 5] = process.argv.slice(2).map(Number)
  const { agent, alone, prometheus } = await benchScrape({
    ...{ endpoints, interval, seconds, rounds, warmUp },
    beside: ['alone', 'prometheus'],
  })
  show('agent with a peer', agent)
  if (alone) show('agent alone', alone)
  if (prometheus) {
    show('Prometheus', prometheus)
    console.log(`ratio of medians: ${(median(agent.scrape) / median(prometheus.scrape)).toFixed(2)}`)
  }
}

function show(name: string, { scrape, rss }: Cost): void {
  const each = scrape.map((ms) => ms.toFixed(2)).join(', ')
  console.log(
    `${name}: ${median(scrape).toFixed(2)} ms of CPU a scrape (${each}), RSS ${median(rss).toFixed(0)} MiB`,
  )
}
