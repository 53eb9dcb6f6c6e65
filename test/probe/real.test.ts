// The prober with real connections, requests and validation.

import { createServer } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock as clock } from '../../src/clock.ts'
import { inspect } from '../../src/exposition/inspect.ts'
import { createLog } from '../../src/logging/log.ts'
import type { ProbeResult } from '../../src/model.ts'
import { connect } from '../../src/probe/attempt.ts'
import type { Plan } from '../../src/probe/plan.ts'
import { type Prober, startProber } from '../../src/probe/prober.ts'
import { createByteBudget } from '../../src/runtime/byte-budget.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { createFetcher, type Fetcher } from '../../src/scrape/fetch.ts'
import { createRead } from '../../src/scrape/read.ts'
import { freePort } from '../helpers/ports.ts'
import { pageServer, run, tcpServer } from '../helpers/server.ts'
import { until } from '../helpers/until.ts'

let fetcher: Fetcher
let prober: Prober
const results = new Map<string, ProbeResult>()

beforeEach(() => {
  results.clear()
  const maxBodyBytes = 2 ** 20
  fetcher = createFetcher({ clock, maxBodyBytes, verifyTls: false })
  const limits = { maxSeries: 1000, maxLineBytes: 10_000 }
  const read = createRead({
    fetch: fetcher.fetch,
    inspect: (body, contentType) => inspect(body, contentType, limits),
    maxBodyBytes,
    clock: clock,
    budget: createByteBudget(clock, 6 * maxBodyBytes),
  })
  const [log, metrics] = [createLog('silent'), createMetrics()]
  prober = startProber(
    { clock, config: { scrapeTimeoutMs: 1000 }, connect, read, log, metrics },
    (id, result) => results.set(id, result),
  )
})

afterEach(async () => {
  await prober.stop()
  await fetcher.close()
})

function probe(...ports: readonly number[]): void {
  const candidates = ports.map((port) => ({
    url: `http://127.0.0.1:${port}/metrics`,
    host: '127.0.0.1',
    port,
    source: 'scanned',
  }))
  prober.update(
    new Map<string, Plan>([['a', { kind: 'probe', candidates, isExplicit: false, hint: 'hint it' }]]),
  )
}

const foundAs = (kind: ProbeResult['kind']) =>
  until(`the result "${kind}"`, () => {
    const result = results.get('a')
    return result?.kind === kind && result
  })

test('a closed port, a page of HTML, a service without HTTP: the one with metrics is found', async () => {
  await using shop = await pageServer('<html>', 'text/html')
  await using mail = await tcpServer((socket) => socket.write('220 mail ESMTP\r\n'))
  await using exporter = await pageServer('a 1\n')
  probe(await freePort(), shop.port, mail.port, exporter.port)
  expect(await foundAs('found')).toMatchObject({ endpoint: { port: exporter.port, url: exporter.url } })
})

test('a chat server with neither TYPE, final newline nor Content-Type is found', async () => {
  await using chat = await run(createServer((_, response) => response.end('connections 3\nerror_count 0')))
  probe(chat.port)
  expect(await foundAs('found')).toMatchObject({ endpoint: { url: chat.url } })
})

test('ports without metrics are explained', async () => {
  await using shop = await pageServer('<html>', 'text/html')
  const closed = await freePort()
  probe(closed, shop.port)
  expect(await foundAs('not_found')).toEqual({
    kind: 'not_found',
    failure: {
      code: 'no_metrics',
      reason: `port ${shop.port} answered HTML, not metrics; port ${closed} is closed`,
      hint: 'hint it',
    },
  })
})

test('a port that opens later is found', async () => {
  const port = await freePort()
  probe(port)
  await foundAs('not_found')
  await using _ = await run(
    createServer((_, response) => response.end('a 1\n')),
    port,
  )
  await foundAs('found')
})

test('a service without HTTP gets one bare connection and one request', async () => {
  await using mail = await tcpServer((socket) => socket.write('220 mail ESMTP\r\n'))
  probe(mail.port)
  await foundAs('not_found')
  expect(mail.connections()).toBe(2)
})
