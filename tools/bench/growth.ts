// How cost grows: with the size of pages, nodes, containers that come and go, and clients.

import type { Line } from './chart.ts'
import { nodePage } from './page.ts'
import { median } from './processes.ts'
import { measureScrapes } from './scrape.ts'
import type { Section } from './section.ts'
import { costByClients } from './serve.ts'
import { load } from './sync.ts'

export const growth: Section = {
  name: 'growth',
  title: 'How cost grows',
  method: 'Points are single measurements, and vary since other work runs beside them.',
  async run(isQuick) {
    const lines: Line[] = []
    for (const line of [pageSize, nodes, churn, clients]) lines.push(await line(isQuick))
    return { rows: [], lines }
  },
}

type Point = readonly [number, number]

/** All at the same time: most of the machine is idle. */
async function pageSize(isQuick: boolean): Promise<Line> {
  const load = { interval: 5, warmUp: isQuick ? 1 : 6, seconds: isQuick ? 5 : 30, rounds: 1, isAlone: true }
  const points = await Promise.all(
    [30, 60, 120, 240].map(async (kilobytes): Promise<Point> => {
      const costs = await measureScrapes({ ...load, endpoints: 100, bytes: kilobytes * 1000 })
      return [kilobytes, median([...costs.values()][0]!.msPerScrape)]
    }),
  )
  return { name: 'Page size', across: 'KB per page, one peer', up: 'ms of CPU a scrape', points }
}

const pages = Array.from({ length: 8 }, (_, round) => Buffer.from(nodePage(round)))
const updatesOf = (isQuick: boolean) => ({ pages, endpoints: 20, updates: isQuick ? 5 : 25 })

async function nodes(isQuick: boolean): Promise<Line> {
  const points: Point[] = []
  for (const peers of [1, 2, 4, 8, 16]) points.push([peers, (await load(updatesOf(isQuick), peers)).owner])
  return { name: 'Nodes', across: 'peers', up: 'ms of the owner’s CPU an update', points }
}

async function churn(isQuick: boolean): Promise<Line> {
  const points: Point[] = []
  for (const replaced of [0, 1, 2, 4, 8])
    points.push([replaced * 10, (await load(updatesOf(isQuick), 2, replaced)).owner * 20])
  const across = 'containers replaced per second, of 20; 10 rounds per second'
  return { name: 'Churn', across, up: 'ms of the owner’s CPU a round', points }
}

async function clients(isQuick: boolean): Promise<Line> {
  const points = await costByClients([1, 4, 16, 64, 128], isQuick ? 1 : 3)
  return { name: 'Clients', across: 'concurrent connections', up: 'µs of CPU a cached page', points }
}
