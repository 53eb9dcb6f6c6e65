// Live reads: the latency that an agent adds to a direct scrape, through the container's own node and another one, and
// what remains of it while 50 clients request one page without a pause.

import type { Bars } from './chart.ts'
import { type LoadResult, runLoad } from './load.ts'
import { startPair } from './pair.ts'
import { fetchPeers, startExporterExporter } from './peers.ts'
import { median, start } from './processes.ts'
import { type Found, type Row, ratioOf, type Section, spread } from './section.ts'

const clients = 50

type Subject = 'direct' | 'own' | 'other' | 'exporter'
type Results = Readonly<Record<Subject, readonly LoadResult[]>>

export const live: Section = {
  name: 'live',
  title: 'Live reads',
  method: `A page of 62 KB. Latency: one client, \`MAX_AGE=0\`, so that each request scrapes. Under load: ${clients} clients that
request the same page without a pause, \`MAX_AGE\` as by default, all in turn; exporter_exporter fetches for each request. The clients are a
process of their own, and share the two cores with the target and both agents.`,
  async run(isQuick) {
    const [seconds, rounds] = isQuick ? [1, 1] : [3, 7]
    return {
      ...rowsOf(await measure(1, '0', seconds, rounds), await measure(clients, '0.1', seconds, rounds)),
    }
  },
}

async function measure(clients: number, maxAge: string, seconds: number, rounds: number): Promise<Results> {
  await using stack = new AsyncDisposableStack()
  await fetchPeers()
  const targets = stack.use(start(process.execPath, ['tools/bench/targets.ts']))
  const target = `http://127.0.0.1:${await targets.firstLine()}/metrics`
  const { own, other } = await startPair(stack, target, { MAX_AGE: maxAge })
  const exporter = await startExporterExporter(target)
  stack.use(exporter.process)
  const urls = { direct: target, own: own.url, other: other.url, exporter: exporter.url }
  const results = { direct: [], own: [], other: [], exporter: [] } as Record<Subject, LoadResult[]>
  // the first round is for code to be compiled
  for (let round = 0; round <= rounds; round += 1)
    for (const [name, url] of Object.entries(urls)) {
      const result = await runLoad({ url, clients, seconds })
      if (round > 0) results[name as Subject].push(result)
    }
  return results
}

const names = { own: 'its own node', other: 'another node' } as const

function rowsOf(alone: Results, loaded: Results): Found {
  const added = (which: 'own' | 'other' | 'exporter') =>
    median(alone[which].map(({ p50Ms }) => p50Ms)) - median(alone.direct.map(({ p50Ms }) => p50Ms))
  const ms = (value: number) => `${value.toFixed(2)} ms`
  const latency = (which: 'own' | 'other', budgetMs: number): Row => ({
    what: `latency that a live read adds, through ${names[which]}, p50`,
    budget: `p50 ${budgetMs} ms`,
    isMissed: added(which) > budgetMs,
    figure: ms(added(which)),
    peer: `exporter_exporter ${ms(added('exporter'))}`,
    ratio: (added(which) / added('exporter')).toFixed(2),
  })
  const throughput = (which: 'own' | 'other'): Row => {
    const perSecond = (results: readonly LoadResult[]) => results.map((one) => one.perSecond)
    return {
      what: `live pages per second, ${clients} clients, through ${names[which]}`,
      figure: spread(perSecond(loaded[which]), 0),
      peer: `exporter_exporter ${spread(perSecond(loaded.exporter), 0)}`,
      ratio: ratioOf(perSecond(loaded[which]), perSecond(loaded.exporter)),
    }
  }
  const tail = (which: 'own' | 'other'): Row => {
    const times = (results: readonly LoadResult[]) => results.map(({ p99Ms }) => p99Ms)
    const middle = (results: readonly LoadResult[]) => median(results.map(({ p50Ms }) => p50Ms)).toFixed(0)
    const text = (results: readonly LoadResult[]) =>
      `${spread(times(results), 0)} ms, p50 ${middle(results)} ms`
    return {
      what: `latency under the same load, through ${names[which]}, p99`,
      budget: '50 ms',
      isMissed: median(times(loaded[which])) > 50,
      figure: text(loaded[which]),
      peer: `exporter_exporter ${text(loaded.exporter)}`,
      ratio: ratioOf(times(loaded[which]), times(loaded.exporter)),
    }
  }
  return {
    rows: [
      ...[latency('own', 2), latency('other', 4)],
      ...[tail('own'), tail('other'), throughput('own'), throughput('other')],
    ],
    bars: [barsOf(loaded)],
  }
}

function barsOf(loaded: Results): Bars {
  const group = (name: string, value: (result: LoadResult) => number) => ({
    name,
    values: (['own', 'other', 'exporter'] as const).map((which) => ({
      name: which === 'exporter' ? 'exporter_exporter' : names[which],
      value: median(loaded[which].map(value)),
      isOurs: which !== 'exporter',
    })),
  })
  return {
    title: `Latency under the load of ${clients} clients, ms`,
    groups: [group('p50', ({ p50Ms }) => p50Ms), group('p99', ({ p99Ms }) => p99Ms)],
  }
}
