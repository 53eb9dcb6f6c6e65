// Every figure that we claim, in one run on one machine: `npm run bench`. How cost grows, and a whole cluster:
// `npm run bench -- growth`, `-- cluster`, `-- lab`. Writes docs/BENCHMARKS.md. Where a peer is not installed, its row says so.
// With the names of sections only these are run, and nothing is written.

import { benchCluster } from './bench/cluster.ts'
import { type Row, record } from './bench/document.ts'
import { benchExposition } from './bench/exposition.ts'
import { benchGrowth } from './bench/growth.ts'
import { benchLab } from './bench/lab.ts'
import { benchLists } from './bench/lists.ts'
import { median } from './bench/processes.ts'
import { benchScrape, type Cost, warmUp } from './bench/scrape.ts'
import { benchServe } from './bench/serve.ts'
import { benchStartup } from './bench/startup.ts'
import { benchSync, recordPages } from './bench/sync.ts'

const sections: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  scrape: scrapeRows,
  serve: serveRows,
  lists: listsRows,
  sync: syncRows,
  startup: startupRows,
  exposition: expositionRows,
}

const ten = { interval: 10, seconds: 15, warmUp }

async function scrapeRows(): Promise<readonly Row[]> {
  // at the same time, since both take their time to warm up and leave most of the machine idle
  const [usual, many] = await Promise.all([
    benchScrape({ ...ten, endpoints: 500, rounds: 5, beside: ['prometheus'] }),
    benchScrape({ ...ten, endpoints: 1000, rounds: 5, beside: [] }),
  ])
  const share = (median(many.agent.scrape) * 1000) / 10_000
  return [
    {
      what: 'CPU a scrape: 62 KB page, 500 endpoints, each 10 s; fetched, validated, stored, offered to a peer',
      goal: 'a third of Prometheus’ own, or less',
      found: `${spread(usual.agent.scrape, 2)} ms`,
      beside: besidePrometheus(usual.agent, usual.prometheus),
    },
    {
      what: 'one agent, 1,000 endpoints of 62 KB, each 10 s',
      goal: 'a third of a core, RSS 300 MB',
      found: `${share.toFixed(2)} of a core, RSS ${median(many.agent.rss).toFixed(0)} MiB`,
      beside: '',
    },
  ]
}

function besidePrometheus(agent: Cost, prometheus: Cost | false): string {
  if (!prometheus) return notInstalled('Prometheus')
  return `${ratio(agent.scrape, prometheus.scrape)} of Prometheus (${spread(prometheus.scrape, 2)} ms)`
}

async function serveRows(): Promise<readonly Row[]> {
  const { cached, live } = await benchServe({ seconds: 2, rounds: 5 })
  const added = (values: readonly number[]) => (median(values) - median(live.direct)).toFixed(2)
  return [
    {
      what: 'cached pages a second and core: 62 KB, gzip accepted, `MAX_AGE=off`',
      goal: '0.6 of nginx with ready gzip files',
      found: spread(cached.agent, 0),
      beside: cached.nginx
        ? `${ratio(cached.agent, cached.nginx)} of nginx (${spread(cached.nginx, 0)})`
        : notInstalled('nginx'),
    },
    {
      what: 'the same, beside exporter_exporter',
      goal: '30 times as many',
      found: spread(cached.agent, 0),
      beside: cached.exporterExporter
        ? `${ratio(cached.agent, cached.exporterExporter)} times (${spread(cached.exporterExporter, 0)})`
        : notInstalled('exporter_exporter'),
    },
    {
      what: 'latency that a live read adds to asking the container: own node, other node',
      goal: 'p50 2 ms, 4 ms',
      found: `${added(live.own)} ms, ${added(live.other)} ms`,
      beside: `directly ${spread(live.direct, 2)} ms`,
    },
  ]
}

async function listsRows(): Promise<readonly Row[]> {
  const { status, sd } = await benchLists({ endpoints: 10_000, rounds: 20 })
  const told = (costs: Readonly<Record<string, readonly number[]>>) =>
    Object.entries(costs)
      .map(([when, ms]) => `${when} ${median(ms).toFixed(1)}`)
      .join(', ')
  return [
    {
      what: 'CPU for the status of 10,000 endpoints as JSON, ms: nobody having looked for an interval, for a second; what changed in that second; nothing new',
      goal: '100',
      found: told(status),
      beside: '',
    },
    {
      what: 'CPU for `/sd` of 10,000 endpoints, ms: a container came or went, a service was declared anew, nothing new',
      goal: '500',
      found: told(sd),
      beside: '',
    },
  ]
}

async function syncRows(): Promise<readonly Row[]> {
  const pages = await recordPages(4, 10_000)
  const found = await benchSync({ pages, endpoints: 20, updates: 50, rounds: 3 })
  const percent = (bytes: number) => `${((bytes / found.raw) * 100).toFixed(2)} %`
  const rsync = found.rsync === undefined ? notInstalled('rsync') : `rsync -z ${percent(found.rsync)}`
  return [
    {
      what: `SSH bytes an update and peer over raw text: ${Math.round(found.raw / 1000)} KB page of node_exporter, 10 s apart`,
      goal: '2 %',
      found: percent(found.wire),
      beside: `gzip ${percent(found.gzip)}, ${rsync}`,
    },
    {
      what: 'CPU for an update: once at the owner, there for each peer, at the peer',
      goal: '',
      found: Object.values(found.cpu)
        .map((ms) => `${ms.toFixed(2)} ms`)
        .join(', '),
      beside: '',
    },
    {
      what: 'from a finished scrape to visible on the peer',
      goal: 'p99 100 ms',
      found: `p50 ${found.lag.p50.toFixed(1)} ms, p99 ${found.lag.p99.toFixed(1)} ms`,
      beside: '',
    },
    {
      what: 'memory: a link at the owner, a page at rest at the peer',
      goal: '',
      found: `${found.memory.link.toFixed(0)} KiB, ${found.memory.page.toFixed(1)} KiB`,
      beside: '',
    },
  ]
}

async function startupRows(): Promise<readonly Row[]> {
  const times = await benchStartup({ targets: 50, rounds: 5 })
  return [
    {
      what: 'start of the program to the pages of 50 targets served',
      goal: '2 s',
      found: `${spread(times, 0)} ms`,
      beside: 'the original: 30 s and more',
    },
  ]
}

async function expositionRows(): Promise<readonly Row[]> {
  const { readers, protobuf, merge } = benchExposition({ rounds: 5 })
  const [ours, ...others] = readers
  const medianOf = (speeds: readonly number[] = []) => median(speeds).toFixed(0)
  const validating = Object.entries(ours?.speeds ?? {}).map(([page, speeds]) => ({
    what: `MB validated in a second of CPU, bundled as it is shipped: 5 MB of ${page}`,
    goal: '200',
    found: medianOf(speeds),
    beside: others.map(({ name, speeds }) => `${name} ${medianOf(speeds[page])}`).join('; '),
  }))
  const ofProtobuf = Object.entries(protobuf).map(([page, { speeds, shareOfText }]) => ({
    what: `MB of protobuf validated in a second of CPU, the same: ${page}`,
    goal: '200',
    found: medianOf(speeds),
    beside: `CPU in parts of the text's (goal 1.5): ${shareOfText.toFixed(2)}`,
  }))
  const merging = Object.entries(merge).map(([page, speeds]) => ({
    what: `MB labelled and merged in a second of CPU, the same: ten pages of 500 KB of ${page}`,
    goal: '30',
    found: medianOf(speeds),
    beside: '',
  }))
  return [...validating, ...ofProtobuf, ...merging]
}

function spread(values: readonly number[], digits: number): string {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return `${median(values).toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`
}

function ratio(ours: readonly number[], theirs: readonly number[]): string {
  const value = median(ours) / median(theirs)
  return value.toFixed(value < 10 ? 2 : 0)
}

function notInstalled(name: string): string {
  return `${name} is not installed here`
}

async function clusterRows(): Promise<readonly Row[]> {
  const found = await benchCluster({ agents: 10, endpoints: 1000, interval: 30, seconds: 15 })
  const sum = found.cpu.reduce((all, one) => all + one)
  return [
    {
      what: 'RSS of an agent that has 1,000 endpoints of 62 KB and holds 9,000 of others, each scraped every 30 s',
      goal: '512 MB',
      found: `${spread(found.rss, 0)} MiB`,
      beside: '',
    },
    {
      what: 'CPU of an agent, scraping and sync',
      goal: 'grows with what changes',
      found: `${spread(found.cpu, 2)} of a core`,
      beside: `together ${sum.toFixed(2)}: 333 scrapes a second, each told to nine`,
    },
    {
      what: 'one agent starts anew, until it holds all pages of the nine others',
      goal: '',
      found: `${found.restart.seconds.toFixed(1)} s`,
      beside: `${found.restart.cpu.toFixed(1)} s of its CPU`,
    },
  ]
}

function show(rows: readonly Row[]): void {
  for (const { what, found, beside } of rows) console.log(`  ${what}\n    ${found}; ${beside}`)
}

async function table(names: readonly string[]): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const name of names) {
    const section = sections[name]
    if (!section)
      throw new Error(`there is no section ${name}; there are ${Object.keys(sections).join(', ')}`)
    console.log(`${name} …`)
    const found = await section()
    show(found)
    rows.push(...found)
  }
  return rows
}

const chosen = process.argv.slice(2)
if (chosen.length === 0) record('table', await table(Object.keys(sections)))
else if (chosen[0] === 'growth') record('growth', await benchGrowth())
else if (chosen[0] === 'cluster') {
  const rows = await clusterRows()
  show(rows)
  record('cluster', rows)
} else if (chosen[0] === 'lab') {
  const rows = benchLab()
  show(rows)
  record('lab', rows)
} else await table(chosen)
process.exit()
