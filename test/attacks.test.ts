// Attacks on the memory of a whole agent, in a process of its own that may take as much as the container of the stack
// file. None of them ends it, and the metrics of another container come in time all the while.

import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { imageEnvironment, imageFlags, peakOf, type Running, start } from '../tools/bench/processes.ts'
import { scaled } from './helpers/limits.ts'
import { limitMemory, type MemoryLimit } from './helpers/memory-limit.ts'
import { freePort } from './helpers/ports.ts'
import { httpServer } from './helpers/server.ts'
import { until } from './helpers/until.ts'
import { ask } from './web/agent.ts'

const mebi = 2 ** 20
const limitBytes = 512 * mebi
/** The default of the interval and of the timeout, on a quiet machine: a slow one can't read large pages as often. */
const intervalMs = scaled(10_000)
const scrapeTimeoutSeconds = intervalMs / 1000
const bystander = 'bystander_requests_total 1\n'

const canLimit = await (async () => {
  await using limit = limitMemory(limitBytes)
  return limit !== undefined
})()

interface Attacked extends AsyncDisposable {
  readonly port: number
  /** The most that the process has held. */
  peakMib(): number
  /** Asks for the bystander so often; says what was wrong with each answer that was not as it should be. */
  askForBystander(times: number): Promise<readonly string[]>
  /** It lives, was never killed, and found no bug in itself. */
  isWell(): Promise<boolean>
}

async function startAttacked(
  targets: ReadonlyMap<string, string>,
  more: NodeJS.ProcessEnv = {},
): Promise<Attacked> {
  const stack = new AsyncDisposableStack()
  const limit = stack.use(limitMemory(limitBytes)!) as MemoryLimit
  const good = stack.use(await httpServer((_, response) => response.end(bystander)))
  const port = await freePort()
  const all = [['bystander', good.url], ...targets].map(([name, url]) => `${name}=${url}metrics`)
  const command = `echo $$ > ${limit.processesFile} && exec "$@"`
  const agent: Running = stack.use(
    start('/bin/sh', ['-c', command, 'sh', process.execPath, ...imageFlags(), 'src/main.ts'], {
      ...imageEnvironment(),
      LISTEN_PORT: `${port}`,
      NODE_NAME: 'attacked',
      LOG_LEVEL: 'silent',
      SCRAPE_INTERVAL: `${intervalMs}ms`,
      SCRAPE_TIMEOUT: `${intervalMs}ms`,
      TARGETS: all.join(' '),
      ...more,
    }),
  )
  await until('the agent to be ready', async () => (await ask(port, '/-/ready')).status === 200, {
    within: 60_000,
  })
  async function askOnce(): Promise<string | undefined> {
    const headers = { 'x-prometheus-scrape-timeout-seconds': `${scrapeTimeoutSeconds}` }
    const late = pause(scrapeTimeoutSeconds * 1000, 'no answer', { ref: false })
    const answer = await Promise.race([ask(port, '/bystander/metrics', { headers }).catch(String), late])
    if (typeof answer === 'string') return answer
    return answer.text === bystander ? undefined : `${answer.status} ${answer.text}`
  }
  return {
    port,
    peakMib: () => Math.round(peakOf(agent.pid)),
    async askForBystander(times) {
      const wrong: string[] = []
      for (let n = 0; n < times; n += 1) {
        const what = await askOnce()
        if (what) wrong.push(what)
        await pause(50)
      }
      return wrong
    },
    isWell: async () => limit.killed() === 0 && !(await internalErrorsOf(port)).some((count) => count > 0),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** How many it counts, by where they were caught: its log is silent. */
async function internalErrorsOf(port: number): Promise<readonly number[]> {
  const { text } = await ask(port, '/metrics')
  const counts = [...text.matchAll(/^app_metrics_proxy_internal_errors_total\{.*\} (\d+)$/gm)]
  expect(counts).not.toEqual([])
  return counts.map(([, count]) => Number(count))
}

test.skipIf(!canLimit)(
  '100 clients that ask one agent for large pages of another and do not read',
  async () => {
    const body = pageOf(12 * mebi)
    await using server = await serving(gzipSync(body), true)
    const [first, second] = [await freePort(), await freePort()]
    const peers = (own: number, other: number, name: string) => ({
      NODE_NAME: name,
      SSHPASS: 'a secret that is long enough',
      SSH_PORT: `${own}`,
      PEERS: `127.0.0.1:${other}`,
    })
    const large = new Map(names(10).map((name) => [name, `${server.url}${name}/`]))
    await using owner = await startAttacked(large, peers(first, second, 'owner'))
    await using agent = await startAttacked(new Map(), peers(second, first, 'attacked'))
    async function isThere(name: string): Promise<boolean> {
      const { status, body: page, text } = await ask(agent.port, `/${name}/metrics`)
      if (page.length !== body.length) throw new Error(`${status} ${text.slice(0, 200)}`)
      return true
    }
    for (const name of names(10)) await until(name, () => isThere(name), { within: 60_000 })
    const sockets = Array.from({ length: 100 }, (_, n) =>
      askWithoutReading(agent.port, `/t${n % 10}/metrics`),
    )
    try {
      expect(await agent.askForBystander(60)).toEqual([])
      expect(await owner.askForBystander(5)).toEqual([])
    } finally {
      for (const socket of sockets) socket.destroy()
    }
    await until('a page again', () => isThere('t0'), { within: 60_000 })
    expect([await agent.isWell(), await owner.isWell()]).toEqual([true, true])
    console.info(
      `large pages of another agent: at most ${agent.peakMib()} MiB, its owner ${owner.peakMib()} MiB`,
    )
  },
  scaled(240_000),
)

/** A server whose pages are the same for each path. */
async function serving(body: Buffer, gzip: boolean) {
  return httpServer((_, response) => {
    if (gzip) response.setHeader('content-encoding', 'gzip')
    response.setHeader('content-length', body.length).end(body)
  })
}

function pageOf(bytes: number): Buffer {
  return Buffer.alloc(bytes, 'a_metric_of_some_length 1\n').subarray(0, bytes - (bytes % 26))
}

/** Somebody who asks and never reads. */
function askWithoutReading(port: number, path: string): Socket {
  const socket = connect({ host: '127.0.0.1', port })
  socket.on('error', () => {})
  socket.pause()
  socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`)
  return socket
}

const names = (count: number) => Array.from({ length: count }, (_, n) => `t${n}`)

test.skipIf(!canLimit).each([
  ['plain', false],
  ['packed', true],
])(
  '100 clients that ask for 12 MiB and do not read: %s',
  async (_, gzip) => {
    const body = pageOf(12 * mebi)
    await using server = await serving(gzip ? gzipSync(body) : body, gzip)
    await using agent = await startAttacked(new Map([['large', server.url]]))
    await until('the page', async () => (await ask(agent.port, '/large/metrics')).body.length === body.length)
    const sockets = Array.from({ length: 100 }, () => askWithoutReading(agent.port, '/large/metrics'))
    try {
      expect(await agent.askForBystander(100)).toEqual([])
      expect(await agent.isWell()).toBe(true)
    } finally {
      for (const socket of sockets) socket.destroy()
    }
    // what they held is free again
    await until(
      'the page again',
      async () => (await ask(agent.port, '/large/metrics')).body.length === body.length,
    )
    console.info(`100 clients that do not read: at most ${agent.peakMib()} MiB`)
    expect(agent.peakMib()).toBeLessThan(limitBytes / mebi)
  },
  scaled(120_000),
)

test.skipIf(!canLimit).each([
  ['35 KB of gzip that unpack to 15 MiB', gzipSync(pageOf(15 * mebi), { level: 9 }), true],
  ['12 MiB', pageOf(12 * mebi), false],
] as const)(
  '64 containers that answer %s',
  async (what, body, gzip) => {
    await using server = await serving(body, gzip)
    const targets = new Map(names(64).map((name) => [name, `${server.url}${name}/`]))
    await using agent = await startAttacked(targets)
    const asking = Promise.all(
      names(64).map((name) =>
        ask(agent.port, `/${name}/metrics`, { headers: { 'accept-encoding': 'gzip' } }).then(
          ({ status }) => status,
        ),
      ),
    )
    expect(await agent.askForBystander(100)).toEqual([])
    const statuses = new Set(await asking)
    expect([...statuses].filter((status) => ![200, 502, 503, 504].includes(status))).toEqual([])
    expect(await agent.isWell()).toBe(true)
    console.info(`64 containers of ${what}: at most ${agent.peakMib()} MiB, answers ${[...statuses]}`)
    expect(agent.peakMib()).toBeLessThan(limitBytes / mebi)
  },
  scaled(120_000),
)
