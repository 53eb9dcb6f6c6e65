// What one scrape of a 62 KB page costs in CPU: the agent, with a peer that all is offered to, beside a real
// Prometheus on the same targets. Both are whole processes, run in turn; idle costs are part of the figure.

import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { cpuOver, freePort, median, type Running, rssOf, start } from './processes.ts'

export interface ScrapeBench {
  readonly endpoints: number
  /** Seconds between two scrapes of one endpoint. */
  readonly interval: number
  /** Seconds of measuring, after one interval of warming up. */
  readonly seconds: number
  readonly rounds: number
}

/** Of one program over all rounds. */
export interface Cost {
  /** CPU milliseconds a scrape. */
  readonly scrape: readonly number[]
  /** MiB. */
  readonly rss: readonly number[]
}

export interface ScrapeResult {
  readonly agent: Cost
  /** Undefined where Debian's Prometheus isn't installed. */
  readonly prometheus: Cost | undefined
}

export async function benchScrape(options: ScrapeBench): Promise<ScrapeResult> {
  await using targets = start(process.execPath, ['tools/bench/targets.ts'])
  const addresses = addressesOf(options.endpoints, Number(await targets.firstLine()))
  const agent: [number, number][] = []
  const prometheus: [number, number][] = []
  const comparable = hasPrometheus()
  for (let round = 0; round < options.rounds; round += 1) {
    agent.push(await costOfAgent(addresses, options))
    if (comparable) prometheus.push(await costOfPrometheus(addresses, options))
  }
  return { agent: costOf(agent), prometheus: comparable ? costOf(prometheus) : undefined }
}

function costOf(runs: readonly [number, number][]): Cost {
  return { scrape: runs.map(([scrape]) => scrape), rss: runs.map(([, rss]) => rss) }
}

/** All of 127.0.0.0/8 is this machine: an address for each target, as in real life. */
function addressesOf(endpoints: number, port: number): readonly string[] {
  return Array.from({ length: endpoints }, (_, n) => `127.1.${n >> 7}.${1 + (n & 127)}:${port}`)
}

async function costOfAgent(addresses: readonly string[], options: ScrapeBench): Promise<[number, number]> {
  const [port, sshPort, peerPort, peerSshPort] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ])
  const common = {
    SSHPASS: 'only for this benchmark, on loopback',
    SCRAPE_INTERVAL: String(options.interval),
    MAX_AGE: 'off',
    LOG_LEVEL: 'error',
  }
  const agent = (own: Record<string, string>) =>
    start(process.execPath, ['src/main.ts'], { ...common, ...own })
  await using _peer = agent({
    NODE_NAME: 'peer',
    LISTEN_PORT: String(peerPort),
    SSH_PORT: String(peerSshPort),
    TARGETS: `peer=http://127.0.0.1:${peerPort}/metrics`,
    PEERS: `127.0.0.1:${sshPort}`,
  })
  await using measured = agent({
    NODE_NAME: 'measured',
    LISTEN_PORT: String(port),
    SSH_PORT: String(sshPort),
    TARGETS: addresses.map((address, n) => `t${n}=http://${address}/metrics`).join(' '),
    PEERS: `127.0.0.1:${peerSshPort}`,
  })
  return await costOver(measured, options, async () => {
    const own = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    return Number(/^app_metrics_proxy_scrapes_total (\d+)$/m.exec(own)?.[1])
  })
}

async function costOfPrometheus(
  addresses: readonly string[],
  options: ScrapeBench,
): Promise<[number, number]> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-prometheus-'))
  try {
    await writeFile(join(folder, 'prometheus.yml'), prometheusConfig(addresses, options.interval))
    await using running = start('prometheus', [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${await freePort()}`,
      '--log.level=error',
    ])
    // its schedule is exact, so that counting would only disturb it
    const began = performance.now()
    const perMs = addresses.length / (options.interval * 1000)
    return await costOver(running, options, async () => (performance.now() - began) * perMs)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function costOver(
  { pid }: Running,
  { interval, seconds }: ScrapeBench,
  scrapes: () => Promise<number>,
): Promise<[number, number]> {
  await pause(1.5 * interval * 1000)
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
  const [endpoints = 500, interval = 10, seconds = 20, rounds = 3] = process.argv.slice(2).map(Number)
  const { agent, prometheus } = await benchScrape({ endpoints, interval, seconds, rounds })
  show('agent', agent)
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
