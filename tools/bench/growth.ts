// How cost grows: with endpoints, the size of pages, nodes, containers that come and go, and clients.

import type { Series } from './chart.ts'
import { nodePage } from './page.ts'
import { median } from './processes.ts'
import { benchScrape } from './scrape.ts'
import { cachedPages } from './serve.ts'
import { load } from './sync.ts'

const all: readonly (() => Promise<readonly Series[]>)[] = [endpoints, pageSize, nodes, churn, clients]

export async function benchGrowth(): Promise<readonly Series[]> {
  const found: Series[] = []
  for (const series of all) {
    const some = await series()
    for (const { name, up, points } of some) console.log(`  ${name}, ${up}: ${JSON.stringify(points)}`)
    found.push(...some)
  }
  return found
}

type Point = readonly [number, number]

async function endpoints(): Promise<readonly Series[]> {
  const cpu: Point[] = []
  const rss: Point[] = []
  for (const count of [125, 250, 500, 1000]) {
    const { agent } = await benchScrape({
      endpoints: count,
      interval: 10,
      warmUp: 5,
      seconds: 10,
      rounds: 1,
      beside: [],
    })
    cpu.push([count, (median(agent.scrape) * count) / 100])
    rss.push([count, median(agent.rss)])
  }
  const across = 'endpoints of 62 KB, each scraped every 10 s, one peer'
  return [
    { name: 'Endpoints', across, up: '% of a core', points: cpu },
    { name: 'Endpoints', across, up: 'RSS, MiB', points: rss },
  ]
}

async function pageSize(): Promise<readonly Series[]> {
  const points: Point[] = []
  for (const kilobytes of [30, 60, 120, 240]) {
    const options = {
      endpoints: 200,
      interval: 5,
      warmUp: 5,
      seconds: 15,
      rounds: 1,
      bytes: kilobytes * 1000,
    }
    const { agent } = await benchScrape({ ...options, beside: [] })
    points.push([kilobytes, median(agent.scrape)])
  }
  return [{ name: 'Page size', across: 'KB per page, one peer', up: 'ms of CPU a scrape', points }]
}

const pages = Array.from({ length: 8 }, (_, round) => Buffer.from(nodePage(round)))

async function nodes(): Promise<readonly Series[]> {
  const points: Point[] = []
  for (const peers of [1, 2, 4, 8, 16])
    points.push([peers, (await load({ pages, endpoints: 20, updates: 25 }, peers)).owner])
  return [{ name: 'Nodes', across: 'peers', up: 'ms of the owner’s CPU an update', points }]
}

async function churn(): Promise<readonly Series[]> {
  const points: Point[] = []
  for (const exchanged of [0, 1, 2, 4, 8])
    points.push([
      exchanged * 10,
      (await load({ pages, endpoints: 20, updates: 25 }, 2, exchanged)).owner * 20,
    ])
  const up = 'ms of the owner’s CPU a round'
  return [
    { name: 'Churn', across: 'containers replaced per second, of 20; 10 rounds per second', up, points },
  ]
}

async function clients(): Promise<readonly Series[]> {
  const points: Point[] = []
  await using pages = await cachedPages()
  for (const connections of [1, 4, 16, 64, 128]) points.push([connections, await pages.cost(connections)])
  return [{ name: 'Clients', across: 'concurrent connections', up: 'µs of CPU a cached page', points }]
}
