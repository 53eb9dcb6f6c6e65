// The memory of responses: bounded in the sum, also with clients that do not read.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import type { MetricsPage } from '../../src/model.ts'
import { standalone, task } from '../store/world.ts'
import { type Agent, page, read, type Setup, startAgent } from './agent.ts'

const mebi = 2 ** 20
const line = 'a_metric_of_some_length 1\n'
const body = Buffer.alloc(Math.floor((12 * mebi) / line.length) * line.length, line)
const large = page(body.toString())
const packed: MetricsPage = { ...large, content: { kind: 'gzip', bytes: gzipSync(body, { level: 1 }) } }
const stack: AsyncDisposableStack[] = []
afterEach(async () => {
  for (const one of stack.splice(0)) await one.disposeAsync()
})

/** An agent that may hold one answer of 12 MiB at a time. */
async function start(more: Partial<Setup> = {}): Promise<Agent> {
  const entries = [
    { ...standalone('n1', 'large'), snapshot: read(large) },
    { ...standalone('n1', 'packed'), snapshot: read(packed) },
    { ...standalone('n1', 'small'), snapshot: read('a 1\n') },
    ...[1, 2].map((slot) => ({ ...task('n1', 'shop', slot), snapshot: read(large) })),
  ]
  const agent = await startAgent({ entries, maxAgeMs: 'off', answerBytes: 18 * mebi, ...more })
  const own = new AsyncDisposableStack()
  own.defer(agent.stop)
  stack.push(own)
  return agent
}

/** A client that has read the beginning of the large response and reads no more. */
async function holdLarge(agent: Agent): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: agent.port })
  stack[0]!.defer(() => void socket.destroy())
  socket.on('error', () => {})
  socket.write('GET /large/metrics HTTP/1.1\r\nhost: a\r\n\r\n')
  await once(socket, 'readable')
  return socket
}

const within = (seconds: number) => ({ headers: { 'x-prometheus-scrape-timeout-seconds': `${seconds}` } })

test('a request waits while the memory for responses is used up, then fails with the reason; small responses are sent', async () => {
  const agent = await start()
  await holdLarge(agent)
  const refused = agent.ask('/large/metrics', within(0.6))
  expect((await agent.ask('/small/metrics')).text).toBe('a 1\n')
  expect(await refused).toMatchObject({
    status: 503,
    text: expect.stringMatching(/^no memory was free within \d+ ms\nraise the memory limit/),
  })
})

test('a client that does not read is disconnected once another has waited for a turn', async () => {
  const agent = await start()
  const socket = await holdLarge(agent)
  const answer = await agent.ask('/large/metrics', within(20))
  expect([answer.status, answer.body.length]).toEqual([200, body.length])
  socket.resume()
  await once(socket, 'close')
})

test('many large responses at once are sent one after another', async () => {
  const agent = await start()
  const answers = await Promise.all(Array.from({ length: 6 }, () => agent.ask('/large/metrics', within(60))))
  expect(answers.map((answer) => [answer.status, answer.body.length])).toEqual(
    Array.from({ length: 6 }, () => [200, body.length]),
  )
})

test.each([
  ['that has to be unpacked', '/packed/metrics'],
  ['that has to be merged', '/shop/metrics'],
])('a page %s needs more, and what never fits is refused immediately', async (_, path) => {
  const agent = await start()
  expect(await agent.ask(path, within(60))).toMatchObject({
    status: 503,
    text: expect.stringMatching(/^needs \d+ MiB of memory, more than there is/),
  })
  const roomy = await start({ answerBytes: 200 * mebi })
  expect((await roomy.ask(path, within(60))).status).toBe(200)
})

test('while memory is short large responses are refused and small ones are sent', async () => {
  const agent = await start({ isMemoryShort: () => true })
  expect(await agent.ask('/large/metrics')).toMatchObject({
    status: 503,
    text: expect.stringMatching(/^the agent is short of memory/),
  })
  expect((await agent.ask('/small/metrics')).status).toBe(200)
  const gzip = { headers: { 'accept-encoding': 'gzip' } }
  expect((await agent.ask('/packed/metrics', gzip)).status).toBe(200)
})

test('responses of other routes count, too', async () => {
  const agent = await start({
    plugins: [(server) => server.get('/document', (_, reply) => reply.send(body))],
  })
  await holdLarge(agent)
  expect((await agent.ask('/document')).status).toBe(200)
  const socket = connect({ host: '127.0.0.1', port: agent.port })
  stack[0]!.defer(() => void socket.destroy())
  socket.write('GET /document HTTP/1.1\r\nhost: a\r\n\r\n')
  await once(socket, 'readable')
  expect((await agent.ask('/large/metrics', within(0.6))).status).toBe(503)
})
