// The whole agent under load: many clients over many endpoints at once. Nothing is lost, every endpoint goes on
// being scraped in its turn, and what was opened is closed again.

import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { afterEach, expect, test, vi } from 'vitest'
import { type Agent, startAgent as start } from '../src/agent/agent.ts'
import { systemClock as clock } from '../src/clock.ts'
import { readConfig } from '../src/config/config.ts'
import { createLog } from '../src/logging/log.ts'
import { scaled } from './helpers/limits.ts'
import { until } from './helpers/until.ts'
import { ask } from './web/agent.ts'

vi.setConfig({ testTimeout: scaled(200_000) })

const running: { stop(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const part of running.splice(0).reverse()) await part.stop()
})

interface Containers {
  /** `name=url` of each, as TARGETS wants it. */
  readonly targets: string
  readonly names: readonly string[]
  /** When each has been scraped. */
  scrapes(): readonly (readonly number[])[]
  pageOf(name: string): string
}

/** All of 127.0.0.0/8 is this machine: one server stands for as many containers, each at its own address. */
async function startContainers(count: number): Promise<Containers> {
  const addresses = Array.from({ length: count }, (_, n) => `127.7.${n >> 8}.${n & 255}`)
  const scraped = new Map(addresses.map((address) => [address, [] as number[]]))
  const pageOf = (address: string) => `address{is="${address}"} 1\n`
  const server = createServer({ keepAliveTimeout: 60_000 }, ({ socket }, response) => {
    const address = socket.localAddress!
    scraped.get(address)!.push(performance.now())
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(pageOf(address))
  })
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '0.0.0.0', 2048, () => resolve((server.address() as { port: number }).port))
  })
  running.push({
    stop: () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      }),
  })
  return {
    targets: addresses.map((address, n) => `c${n}=http://${address}:${port}/metrics`).join(' '),
    names: addresses.map((_, n) => `c${n}`),
    scrapes: () => [...scraped.values()],
    pageOf: (name) => pageOf(addresses[Number(name.slice(1))]!),
  }
}

async function startAgent(environment: Record<string, string>): Promise<Agent> {
  const config = { ...readConfig({ NODE_NAME: 'n1', ...environment }), listenPort: 0 }
  const agent = await start({ config, clock, log: createLog('silent'), version: 'test' })
  running.push(agent)
  await until('the agent to be ready', async () => (await ask(agent.port, '/-/ready')).status === 200)
  return agent
}

interface Wrong {
  readonly name: string
  readonly status: number
  readonly text: string
}

/** `clients` at once ask for all of these, each name once; returns what was not answered as it should be. */
async function askAll(
  agent: Agent,
  { pageOf, names: all }: Containers,
  clients: number,
  names = all,
): Promise<readonly Wrong[]> {
  const left = names.values()
  const wrong: Wrong[] = []
  const client = async () => {
    for (const name of left) {
      const { status, text } = await ask(agent.port, `/${name}/metrics`)
      if (status !== 200 || text !== pageOf(name)) wrong.push({ name, status, text })
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return wrong
}

/** Each has been answered for once. */
async function untilFound(agent: Agent, containers: Containers): Promise<void> {
  let missing = containers.names
  const look = async () => {
    missing = (await askAll(agent, containers, 50, missing)).map(({ name }) => name)
    return missing.length === 0
  }
  await until('all to be found', look, { within: 100_000 })
}

test('200 clients at once over 1,000 endpoints: nothing is lost, and every endpoint keeps its turn', async () => {
  const interval = 8000
  const containers = await startContainers(1000)
  const agent = await startAgent({ TARGETS: containers.targets, SCRAPE_INTERVAL: `${interval / 1000}` })
  await untilFound(agent, containers)
  const began = performance.now()
  expect(await askAll(agent, containers, 200)).toEqual([])
  const startedAt = performance.now()
  await clock.sleep(2 * interval)

  const ended = performance.now()
  const [gaps, turns]: [number[], number[]] = [[], []]
  for (const times of containers.scrapes()) {
    gaps.push(longestPause([...times.filter((at) => at > began), ended]))
    turns.push(times.filter((at) => at > startedAt).length)
  }
  // a machine that stalls may shift a turn, but neither take one nor add one
  expect(Math.max(...gaps)).toBeLessThan(2 * interval)
  expect(Math.min(...turns)).toBeGreaterThanOrEqual(1)
  expect(Math.max(...turns)).toBeLessThanOrEqual(3)
})

function longestPause(times: readonly number[]): number {
  return Math.max(...times.slice(1).map((at, before) => at - times[before]!))
}

test('what a hundred rounds of scraping and asking opened is closed again', async () => {
  const containers = await startContainers(20)
  const atFirst = opened()
  const agent = await startAgent({ TARGETS: containers.targets, SCRAPE_INTERVAL: '1', MAX_AGE: '0' })
  await askAll(agent, containers, 20)
  const warm = opened()
  while (Math.min(...containers.scrapes().map(({ length }) => length)) < 100)
    expect(await askAll(agent, containers, 20)).toEqual([])
  await until('no more to be open than after the first rounds', () => isWithin(opened(), warm))
  await agent.stop()
  await until('no more to be open than before the start', () => isWithin(opened(), atFirst))
})

interface Opened {
  readonly files: number
  /** Sockets, timers and whatever else keeps the process alive. */
  readonly handles: number
}

function opened(): Opened {
  return { files: readdirSync('/proc/self/fd').length, handles: process.getActiveResourcesInfo().length }
}

function isWithin(now: Opened, before: Opened): boolean {
  return now.files <= before.files && now.handles <= before.handles
}
