import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../src/clock.ts'
import { createLog } from '../../src/logging/log.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { type Plugin, type Server, serveDocument, startServer } from '../../src/web/server.ts'
import { virtualClock } from '../helpers/clock.ts'
import { scaled } from '../helpers/limits.ts'
import { ask } from './agent.ts'

const running: Server[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop()
})

async function start(plugins: readonly Plugin[], more: { port?: number; host?: string; clock?: Clock } = {}) {
  const metrics = createMetrics()
  const log = createLog('silent')
  const server = await startServer({ port: 0, clock: systemClock, log, metrics, plugins, ...more })
  running.push(server)
  return { ...server, metrics }
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port })
  await once(socket, 'connect')
  return socket
}

const requestOf = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

const hello: Plugin = (server) => server.get('/hello', (_request, reply) => reply.send('hello\n'))

/** `/slow` answers once it is released. */
function slowRoute() {
  const { promise: received, resolve: reportReceived } = Promise.withResolvers<void>()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const slow: Plugin = (server) =>
    server.get('/slow', async () => {
      reportReceived()
      await released
      return 'done\n'
    })
  return { slow, received, release }
}

describe('the server', () => {
  test.each(['127.0.0.1', '::1'])('answers on %s', async (host) => {
    const { port } = await start([hello])
    const socket = connect({ host, port })
    socket.end('GET /hello HTTP/1.0\r\n\r\n')
    const [first] = (await once(socket, 'data')) as [Buffer]
    expect(`${first}`).toMatch(/^HTTP\/1.1 200 OK/)
    socket.destroy()
  })

  test('reports what to do when the port is taken', async () => {
    const other = createServer().listen(0, '::')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    await expect(start([hello], { port })).rejects.toThrow(
      `port ${port} is in use by another process: stop that one or choose another with LISTEN_PORT`,
    )
    other.close()
  })

  test('answers what is in flight before it stops, and closes idle connections at once', async () => {
    const { slow, received, release } = slowRoute()
    const { port, stop } = await start([slow, hello])
    const idle = connect({ host: '127.0.0.1', port })
    idle.write('GET /hello HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(idle, 'data')
    const answer = ask(port, '/slow')
    await received
    const stopped = stop()
    await once(idle, 'close')
    release()
    expect(await answer).toMatchObject({ status: 200, text: 'done\n' })
    await stopped
    await expect(ask(port, '/hello')).rejects.toThrow('ECONNREFUSED')
  })

  test('answers what comes while it stops on a new connection, and has every client take another one', async () => {
    const { slow, received, release } = slowRoute()
    const { port, stop } = await start([slow, hello], { clock: virtualClock() })
    const [used, fresh] = await Promise.all([open(port), open(port)])
    // both have been accepted before this is answered
    await ask(port, '/hello')
    used.write(requestOf('/slow'))
    await received
    const stopped = stop()
    fresh.write(requestOf('/hello'))
    const wanted = ['HTTP/1.1 200 OK', 'connection: close']
    const linesOf = async (socket: Socket) => (await text(socket)).split('\r\n')
    expect(await linesOf(fresh)).toEqual(expect.arrayContaining([...wanted, 'hello\n']))
    release()
    expect(await linesOf(used)).toEqual(expect.arrayContaining([...wanted, 'done\n']))
    await stopped
  })

  test('when it stops, closes connections on which no request has come', async () => {
    const clock = virtualClock()
    const { port, stop } = await start([hello], { clock })
    const unused = await open(port)
    // it has been accepted before this is answered
    await ask(port, '/hello')
    await clock.pass(1000)
    await Promise.all([once(unused, 'close'), stop()])
  })

  test('stops in bounded time, even if a request hangs', async () => {
    const hang: Plugin = (server) => server.get('/hang', () => new Promise(() => {}))
    const { port, stop } = await start([hang])
    const answer = ask(port, '/hang')
    answer.catch(() => {})
    await start([hello])
    const began = performance.now()
    await Promise.all([stop(), stop()])
    expect(performance.now() - began).toBeLessThan(scaled(2000))
    await expect(answer).rejects.toThrow()
  })

  test.each([
    ['a malformed request', 'malformed\r\n\r\n', 400],
    ['too long a header', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ])('refuses %s', async (_what, sent, status) => {
    const { port } = await start([hello])
    const socket = connect({ host: '127.0.0.1', port })
    socket.write(sent)
    const [first] = (await once(socket, 'data')) as [Buffer]
    expect(`${first}`).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    socket.destroy()
  })

  test('counts requests by route and status', async () => {
    const { port, metrics } = await start([hello])
    for (const path of ['/hello', '/hello', '/nothing/here/at/all']) await ask(port, path)
    expect(metrics.print()).toContain(
      'app_metrics_proxy_http_requests_total{route="/hello",status="200"} 2\n',
    )
    expect(metrics.print()).toContain('app_metrics_proxy_http_requests_total{route="none",status="404"} 1\n')
  })

  test('serves documents', async () => {
    const { port } = await start([
      (server) =>
        serveDocument(server, '/doc', async ({ query, ifNoneMatch, acceptEncoding }) => ({
          status: 200,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query, ifNoneMatch, acceptEncoding }),
        })),
    ])
    const headers = { 'if-none-match': '"x"', 'accept-encoding': 'gzip' }
    expect(JSON.parse((await ask(port, '/doc?a=1&b=2&b=3', { headers })).text)).toEqual({
      query: { a: '1', b: ['2', '3'] },
      ifNoneMatch: '"x"',
      acceptEncoding: 'gzip',
    })
  })
})
