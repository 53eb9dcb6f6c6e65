// Measures every published figure in one run on one machine: `npm run bench`. How cost grows, a cluster, a real Swarm:
// `npm run bench -- growth`, `-- cluster`, `-- lab`. Writes docs/BENCHMARKS.md. If a peer is not installed, its row says so.
// With the names of sections only these run, and nothing is written.

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
  const [usual, protobuf, many] = await Promise.all([
    benchScrape({ ...ten, endpoints: 500, rounds: 5, beside: ['prometheus'] }),
    benchScrape({ ...ten, endpoints: 500, rounds: 5, beside: [], format: 'protobuf' }),
    benchScrape({ ...ten, endpoints: 1000, rounds: 5, beside: [] }),
  ])
  const share = (median(many.agent.scrape) * 1000) / 10_000
  return [
    {
      what: 'CPU of a scrape: 62 KB, 500 endpoints, every 10 s, one peer',
      budget: 'a third of Prometheus’',
      figure: `${spread(usual.agent.scrape, 2)} ms`,
      ...besidePrometheus(usual.agent, usual.prometheus),
    },
    {
      what: 'the same in protobuf',
      budget: '1.5 of text’s',
      figure: `${spread(protobuf.agent.scrape, 2)} ms`,
      peer: `text ${spread(usual.agent.scrape, 2)} ms`,
      ratio: ratioOf(protobuf.agent.scrape, usual.agent.scrape),
    },
    {
      what: 'CPU of an agent: 1,000 endpoints of 62 KB, every 10 s',
      budget: 'a third of a core',
      figure: `${share.toFixed(2)} of a core`,
    },
    { what: 'RSS of the same agent', budget: '300 MB', figure: `${median(many.agent.rss).toFixed(0)} MiB` },
  ]
}

function besidePrometheus(agent: Cost, prometheus: Cost | false): Pick<Row, 'peer' | 'ratio'> {
  if (!prometheus) return { peer: notInstalled('Prometheus') }
  const ratio = ratioOf(agent.scrape, prometheus.scrape)
  return { peer: `Prometheus ${spread(prometheus.scrape, 2)} ms`, ratio }
}

async function serveRows(): Promise<readonly Row[]> {
  const { cached, live } = await benchServe({ seconds: 2, rounds: 5 })
  const added = (values: readonly number[]) => `${(median(values) - median(live.direct)).toFixed(2)} ms`
  const figure = spread(cached.agent, 0)
  const beside = (
    name: string,
    theirs: readonly number[] | false | undefined,
  ): Pick<Row, 'peer' | 'ratio'> =>
    theirs
      ? { peer: `${name} ${spread(theirs, 0)}`, ratio: ratioOf(cached.agent, theirs) }
      : { peer: notInstalled(name) }
  return [
    {
      what: 'cached pages per second and core: 62 KB, gzip, `MAX_AGE=off`',
      budget: '0.6 of nginx',
      figure,
      ...beside('nginx with ready gzip files', cached.nginx),
    },
    {
      what: 'the same',
      budget: '30 times exporter_exporter',
      figure,
      ...beside('exporter_exporter', cached.exporterExporter),
    },
    {
      what: 'latency that a live read adds, own node, p50',
      budget: '2 ms',
      figure: added(live.own),
      peer: `a direct scrape ${spread(live.direct, 2)} ms`,
    },
    { what: 'latency that a live read adds, other node, p50', budget: '4 ms', figure: added(live.other) },
  ]
}

const endpoints = '10,000 endpoints'
const statusCases = {
  stale: 'all scraped since the last one',
  full: 'a tenth scraped since',
  since: 'only the changes of that tenth',
  unchanged: 'nothing changed',
} as const
const sdCases = {
  changed: 'a container started or stopped',
  declared: 'a service changed',
  unchanged: 'nothing changed',
} as const

async function listsRows(): Promise<readonly Row[]> {
  const { status, sd } = await benchLists({ endpoints: 10_000, rounds: 20 })
  const row = (what: string, budget: string, ms: readonly number[]) => ({
    what,
    budget,
    figure: `${median(ms).toFixed(1)} ms`,
  })
  return [
    ...Object.entries(status).map(([name, ms]) =>
      row(
        `CPU of the status as JSON, ${endpoints}: ${statusCases[name as keyof typeof status]}`,
        '100 ms',
        ms,
      ),
    ),
    ...Object.entries(sd).map(([name, ms]) =>
      row(`CPU of \`/sd\`, ${endpoints}: ${sdCases[name as keyof typeof sd]}`, '500 ms', ms),
    ),
  ]
}

async function syncRows(): Promise<readonly Row[]> {
  const pages = await recordPages(4, 10_000)
  const found = await benchSync({ pages, endpoints: 20, updates: 50, rounds: 3 })
  const percent = (bytes: number) => `${((bytes / found.raw) * 100).toFixed(2)} %`
  const wire = { budget: '2 % of the text', figure: percent(found.wire) }
  const share = (bytes: number) => (found.wire / bytes).toFixed(2)
  const ms = (value: number) => `${value.toFixed(2)} ms`
  const [once, perPeer, atPeer] = Object.values(found.cpu) as [number, number, number]
  return [
    {
      what: `bytes on the wire per update and peer: ${Math.round(found.raw / 1000)} KB of node_exporter, 10 s apart`,
      ...wire,
      peer: `gzip ${percent(found.gzip)}`,
      ratio: share(found.gzip),
    },
    {
      what: 'the same',
      ...wire,
      ...(found.rsync === undefined
        ? { peer: notInstalled('rsync') }
        : { peer: `rsync -z ${percent(found.rsync)}`, ratio: share(found.rsync) }),
    },
    { what: 'CPU of an update at the owner, once', budget: '', figure: ms(once) },
    { what: 'CPU of an update at the owner, per peer', budget: '', figure: ms(perPeer) },
    { what: 'CPU of an update at a peer', budget: '', figure: ms(atPeer) },
    {
      what: 'end of a scrape to visible at a peer, p50',
      budget: '',
      figure: `${found.lag.p50.toFixed(1)} ms`,
    },
    {
      what: 'end of a scrape to visible at a peer, p99',
      budget: '100 ms',
      figure: `${found.lag.p99.toFixed(1)} ms`,
    },
    { what: 'memory of a link at the owner', budget: '', figure: `${found.memory.link.toFixed(0)} KiB` },
    { what: 'memory of an idle page at a peer', budget: '', figure: `${found.memory.page.toFixed(1)} KiB` },
  ]
}

async function startupRows(): Promise<readonly Row[]> {
  const times = await benchStartup({ targets: 50, rounds: 5 })
  return [
    {
      what: 'start of the program to the metrics of 50 targets',
      budget: '2 s',
      figure: `${spread(times, 0)} ms`,
      peer: 'the original: 30 s and more',
    },
  ]
}

async function expositionRows(): Promise<readonly Row[]> {
  const { readers, protobuf, merge } = benchExposition({ rounds: 5 })
  const [ours, ...others] = readers
  const medianOf = (speeds: readonly number[] = []) => median(speeds).toFixed(0)
  const validating = Object.entries(ours?.speeds ?? {}).map(([page, speeds]) => ({
    what: `MB validated per second of CPU: 5 MB of ${page}`,
    budget: '200',
    figure: medianOf(speeds),
    peer: others.map(({ name, speeds }) => `${name} ${medianOf(speeds[page])}`).join('; '),
    ratio: others.map(({ speeds: theirs }) => ratioOf(speeds, theirs[page] ?? [])).join('; '),
  }))
  const ofProtobuf = Object.entries(protobuf).map(([page, { speeds, shareOfText }]) => ({
    what: `MB of protobuf validated per second of CPU: ${page}`,
    budget: '200; 1.5 of the CPU of the text',
    figure: medianOf(speeds),
    peer: 'CPU of the same metrics as text',
    ratio: shareOfText.toFixed(2),
  }))
  const merging = Object.entries(merge).map(([page, speeds]) => ({
    what: `MB labelled and merged per second of CPU: ten times 500 KB of ${page}`,
    budget: '30',
    figure: medianOf(speeds),
  }))
  return [...validating, ...ofProtobuf, ...merging]
}

function spread(values: readonly number[], digits: number): string {
  const [min, max] = [Math.min(...values), Math.max(...values)]
  return `${median(values).toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`
}

function ratioOf(ours: readonly number[], theirs: readonly number[]): string {
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
      what: 'RSS of an agent with 1,000 endpoints of 62 KB, and 9,000 of others, every 30 s',
      budget: '512 MB',
      figure: `${spread(found.rss, 0)} MiB`,
    },
    {
      what: 'CPU of an agent, scraping and sync',
      budget: '',
      figure: `${spread(found.cpu, 2)} of a core`,
    },
    {
      what: 'CPU of all ten agents: 333 scrapes per second, each sent to nine peers',
      budget: '',
      figure: `${sum.toFixed(2)} of a core`,
    },
    {
      what: 'restart of an agent, until it has all pages of the nine others',
      budget: '',
      figure: `${found.restart.seconds.toFixed(1)} s`,
    },
    { what: 'CPU of that agent meanwhile', budget: '', figure: `${found.restart.cpu.toFixed(1)} s` },
  ]
}

function show(rows: readonly Row[]): void {
  for (const { what, figure, peer = '', ratio = '' } of rows)
    console.log(`  ${what}\n    ${figure} ${peer} ${ratio}`.trimEnd())
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
