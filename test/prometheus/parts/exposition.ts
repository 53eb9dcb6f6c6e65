// The corpus behind a server, as each program sent it and as it comes out of the proxy and the engine, and what a
// real Prometheus makes of it.

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import pLimit from 'p-limit'
import { contentTypeOf, type NegotiatedFormat, negotiate } from '../../../src/exposition/formats.ts'
import { inspect } from '../../../src/exposition/inspect.ts'
import { convert, merge } from '../../../src/exposition/merge.ts'
import { nextInOpenMetrics } from '../../../src/exposition/openmetrics/grammar.ts'
import { floatOf } from '../../../src/exposition/scan/number.ts'
import { EntryKind, Scan } from '../../../src/exposition/scan/scan.ts'
import { nextInText } from '../../../src/exposition/text/grammar.ts'
import type { Format } from '../../../src/model.ts'
import type { CorpusPage } from '../../exposition/corpus/corpus.ts'
import { renumbered } from '../../exposition/corpus/renumber.ts'
import { until } from '../../helpers/until.ts'
import type { Prometheus } from './prometheus.ts'

/**
 * As the program sent it; through an agent; by the engine alone in the other format; by the engine alone twice on
 * one page, with a label to distinguish them.
 */
export const ways = ['direct', 'proxy', 'converted', 'merged'] as const
export type Way = (typeof ways)[number]

const limits = { maxSeries: 100_000, maxLineBytes: 1_000_000 }
const formatOf = ({ openMetrics }: CorpusPage): Format => (openMetrics ? 'openmetrics/1.0.0' : 'text/0.0.4')

export const verdict = (page: CorpusPage) => inspect(page.body, contentTypeOf(formatOf(page)), limits)

/** The page as it was before: with other numbers, if it was valid then. */
export function earlier(page: CorpusPage): CorpusPage {
  const before = { ...page, body: renumbered(page.body, () => '7.25') }
  return verdict(before).ok ? before : page
}

export async function serveCorpus(pages: readonly CorpusPage[]) {
  let now = pages.map(earlier)
  const server = createServer((request, response) => {
    const [, way, at] = request.url!.split('/')
    const page = pages[Number(at)]!
    if (way === 'direct') answer(response, page.body, formatOf(page))
    else if (way === 'proxy') answer(response, now[Number(at)]!.body, formatOf(page))
    else answerBy(way as 'converted' | 'merged', page, request.headers.accept, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** What the agent is to pass on changes from what the pages were before to what they are. */
    change() {
      now = [...pages]
    },
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function answerBy(
  way: 'converted' | 'merged',
  page: CorpusPage,
  accept: string | undefined,
  response: ServerResponse,
): void {
  const found = verdict(page)
  if (!found.ok) {
    response.writeHead(502).end(`line ${found.line}, column ${found.column}: ${found.reason}`)
    return
  }
  const valid = { ...found, body: found.normalized ?? page.body }
  const own = way === 'converted' ? other(valid.format) : valid.format
  const offer = { ...negotiate(accept, own), format: own }
  answer(response, way === 'merged' ? twice(valid, offer) : convert(valid, offer), own)
}

/** Of those that can quote names: for a client that doesn't take these, they are escaped. */
const other = (format: Format): Format =>
  format.startsWith('openmetrics') ? 'text/1.0.0' : 'openmetrics/1.0.0'

const twice = (page: { format: Format; body: Uint8Array }, offer: NegotiatedFormat) =>
  merge(
    ['1', '2'].map((value) => ({ page, label: { name: 'slot', value } })),
    offer,
  ).body

function answer(response: ServerResponse, body: Uint8Array, format: Format): void {
  response.writeHead(200, { 'content-type': contentTypeOf(format) }).end(body)
}

/** Each page as an application that an agent is to watch. */
export const watched = (pages: readonly CorpusPage[], address: string): readonly string[] =>
  pages.map((_, page) => `page${page}=http://${address}/proxy/${page}`)

/** Lets the agent read each page. */
export async function readAll(pages: readonly CorpusPage[], agent: string): Promise<void> {
  const limit = pLimit(16)
  await limit.map(pages, async (_, page) => {
    await (await fetch(`${agent}/page${page}/metrics`)).arrayBuffer()
  })
}

/** One target for each page and way, distinguished by labels. */
export function scrapeConfig(
  pages: readonly CorpusPage[],
  address: string,
  agent: string,
  scraped: readonly Way[] = ways,
): string {
  const targets = scraped.flatMap((way) =>
    pages.map((_, page) => ({
      targets: [way === 'proxy' ? agent : address],
      labels: {
        __metrics_path__: way === 'proxy' ? `/page${page}/metrics` : `/${way}/${page}`,
        way,
        page: `${page}`,
      },
    })),
  )
  return JSON.stringify({
    global: { scrape_interval: '15s', scrape_timeout: '15s' },
    scrape_configs: [{ job_name: 'corpus', honor_timestamps: false, static_configs: targets }],
  })
}

export async function scrapedAll(prometheus: Prometheus, count: number): Promise<void> {
  await until(
    'each target to have been scraped',
    async () => {
      const { active } = await prometheus.targets()
      return active.length === count && active.every(({ health }) => health !== 'unknown')
    },
    { within: 90_000, every: 1000 },
  )
}

/** What Prometheus has: for each page whether it is up, and its series with their values. */
export interface Seen {
  up: boolean
  readonly series: Map<string, number>
}

const own = new Set(['job', 'instance', 'way', 'page'])
const aboutTheScrape = /^(up|scrape_\w+)$/

export async function seenBy(url: string, selector: string, label: string): Promise<Map<string, Seen>> {
  const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(selector)}`)
  const { data } = (await response.json()) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] }
  }
  const seen = new Map<string, Seen>()
  for (const { metric, value } of data.result) {
    const page = metric[label]!
    const entry = seen.get(page) ?? { up: false, series: new Map() }
    seen.set(page, entry)
    if (metric.__name__ === 'up') entry.up = value[1] === '1'
    if (aboutTheScrape.test(metric.__name__!)) continue
    const labels = Object.entries(metric).filter(([name]) => !own.has(name))
    entry.series.set(JSON.stringify(labels.sort(([a], [b]) => (a < b ? -1 : 1))), floatOf(value[1]))
  }
  return seen
}

/** Prometheus 3 counts blanks before a name to the name; converting and merging leave them out. */
export const blanksBeforeName = 'blanks before a name, which it counts to the name'

/**
 * Why Debian's Prometheus 2.42 refuses what Prometheus 3 takes: the list of all differences between the two
 * that matter to a page.
 */
export function refusedBy242(page: CorpusPage): string | undefined {
  if (page.body.length === 0) return page.openMetrics ? 'an empty page in OpenMetrics' : undefined
  const next = page.openMetrics ? nextInOpenMetrics : nextInText
  const scan = new Scan(page.body, page.openMetrics)
  for (let kind = next(scan); kind !== EntryKind.end; kind = next(scan)) {
    if (scan.quoted) return 'names in quotes'
    if (kind !== EntryKind.sample) continue
    const before = page.body[scan.start - 1]
    if (before === 0x20 || before === 0x09) return blanksBeforeName
    if (scan.hasExemplar && page.openMetrics && !/_(total|bucket)$/.test(scan.name()))
      return 'an exemplar of a gauge'
    const exemplar = scan.hasExemplar ? scan.text(scan.timeEnd, scan.exemplarTimeEnd) : ''
    if (/ # \{.*,\} \S+( \S+)?$/.test(exemplar)) return 'an exemplar with a comma too much'
    if (page.openMetrics && /,\} $/.test(scan.text(scan.start, scan.valueStart)))
      return 'a comma before a brace'
  }
  return undefined
}
