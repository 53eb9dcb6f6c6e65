import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { ProxyError } from '../../src/errors.ts'
import { createFetcher, type Fetcher } from '../../src/scrape/fetch.ts'
import { selfSigned } from '../helpers/certificate.ts'
import { virtualClock } from '../helpers/clock.ts'
import { hangingPort } from '../helpers/full-backlog.ts'
import { freePort } from '../helpers/ports.ts'
import { httpServer, pageServer, run, tcpServer } from '../helpers/server.ts'
import { until } from '../helpers/until.ts'

const maxBodyBytes = 64 * 1024
let fetcher: Fetcher

beforeEach(() => {
  fetcher = createFetcher({ clock: systemClock, maxBodyBytes, verifyTls: false })
})
afterEach(() => fetcher.close())

const get = (url: string, timeoutMs = 5000) => fetcher.fetch(url, { timeoutMs })
const text = (body: Uint8Array) => Buffer.from(body).toString()

describe('the request', () => {
  test('sends the accepted formats, and how much time is left, less a margin', async () => {
    await using server = await httpServer((request, response) =>
      response.end(JSON.stringify(request.headers)),
    )
    const { body } = await get(server.url, 4000)
    expect(JSON.parse(text(body))).toMatchObject({
      accept: expect.stringContaining(
        'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6',
      ),
      'accept-encoding': 'gzip',
      'x-prometheus-scrape-timeout-seconds': expect.stringMatching(/^3\.[78]/),
    })
    // the only format of native histograms, which nothing here reads
    expect(JSON.parse(text(body)).accept).not.toContain('protobuf')
  })

  test('goes to path and query as they are', async () => {
    await using server = await httpServer((request, response) => response.end(request.url))
    expect(text((await get(`${server.url}?module=a%20b`)).body)).toBe('/metrics?module=a%20b')
  })
})

test('what revokes the memory of a fetch that has ended ends no other that uses its connection', async () => {
  const slow = Promise.withResolvers<void>()
  let requests = 0
  await using server = await httpServer(async (_, response) => {
    requests += 1
    if (requests === 2) await slow.promise
    response.end('a 1\n')
  })
  const revocation = new AbortController()
  await fetcher.fetch(server.url, { timeoutMs: 5000, memory: { use() {}, revoked: revocation.signal } })
  const next = get(server.url)
  await until('the next request', () => requests === 2)
  revocation.abort(new ProxyError('overloaded', 'took too long'))
  slow.resolve()
  expect(text((await next).body)).toBe('a 1\n')
  expect(server.connections()).toBe(1)
})

describe('the answer', () => {
  test('comes as bytes, with its Content-Type', async () => {
    await using server = await pageServer('a 1\n', 'text/plain; version=1.0.0')
    const fetched = await get(server.url)
    expect(text(fetched.body)).toBe('a 1\n')
    expect(fetched).toMatchObject({ gzip: false, contentType: 'text/plain; version=1.0.0' })
  })

  test('keeps the container’s own gzip', async () => {
    const packed = gzipSync('a 1\n')
    await using server = await httpServer((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed),
    )
    const fetched = await get(server.url)
    expect(fetched.gzip).toBe(true)
    expect(Buffer.compare(fetched.body, packed)).toBe(0)
  })

  test('may come in many pieces', async () => {
    await using server = await httpServer(async (_, response) => {
      for (let n = 0; n < 100; n += 1) response.write(`a{n="${n}"} 1\n`)
      response.end()
    })
    expect(text((await get(server.url)).body).split('\n')).toHaveLength(101)
  })

  test('is refused in an encoding that was not accepted', async () => {
    await using server = await httpServer((_, response) =>
      response.writeHead(200, { 'content-encoding': 'br' }).end('x'),
    )
    await expect(get(server.url)).rejects.toMatchObject({
      code: 'protocol',
      message: 'answered with the content encoding br',
    })
  })
})

describe('the connection', () => {
  test('is reused by the next fetch', async () => {
    await using server = await pageServer('a 1\n')
    for (let n = 0; n < 5; n += 1) await get(server.url)
    expect(server.connections()).toBe(1)
  })

  test('is reused after an error too', async () => {
    await using server = await httpServer((_, response) => response.writeHead(503).end('not now'))
    for (let n = 0; n < 3; n += 1) await expect(get(server.url)).rejects.toThrow('answered 503')
    expect(server.connections()).toBe(1)
  })

  test('is closed after a fetch without keep-alive', async () => {
    await using server = await httpServer((request, response) => response.end(request.headers.connection))
    const { body } = await fetcher.fetch(server.url, { timeoutMs: 5000, keepAlive: false })
    expect(text(body)).toBe('close')
  })

  test('that the container has closed is opened again', async () => {
    let requests = 0
    await using server = await tcpServer((socket) => {
      socket.once('data', () => {
        requests += 1
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\na 1\n')
        socket.once('data', () => socket.resetAndDestroy())
      })
    })
    for (let n = 0; n < 3; n += 1) expect(text((await get(server.url)).body)).toBe('a 1\n')
    expect([requests, server.connections()]).toEqual([3, 3])
  })

  test('is closed, and the request sent again, if an unrequested response has arrived', async () => {
    const answer = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n${body}\n`
    const sockets: Socket[] = []
    await using server = await tcpServer((socket) => {
      sockets.push(socket)
      socket.once('data', () => socket.write(answer(`a ${sockets.length}`)))
    })
    await get(server.url)
    // like the scraper's, from a timer: after that, what has arrived is received
    await sleep(1)
    sockets[0]!.write(answer('b 1'))
    expect(text((await get(server.url)).body)).toBe('a 2\n')
  })

  test.each([
    ['long enough', 60, 1],
    ['too short a time', 1, 3],
  ])('is kept for as long as the container announces: %s', async (_, seconds, connections) => {
    await using server = await httpServer((_, response) =>
      response.writeHead(200, { 'keep-alive': `timeout=${seconds}` }).end('a 1\n'),
    )
    for (let n = 0; n < 3; n += 1) await get(server.url)
    expect(server.connections()).toBe(connections)
    await until('no more are open', () => server.open() === (connections === 1 ? 1 : 0))
  })

  test('is closed after a minute without a fetch', async () => {
    const clock = virtualClock()
    const own = createFetcher({ clock, maxBodyBytes, verifyTls: false })
    const answering = (socket: Socket) =>
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\na 1\n'))
    await using server = await tcpServer(answering)
    await using other = await tcpServer(answering)
    for (const { url } of [server, other]) await own.fetch(url, { timeoutMs: 5000 })
    await clock.pass(30_000)
    await own.fetch(other.url, { timeoutMs: 5000 })
    await clock.pass(30_001)
    await until('the one is closed', () => server.open() === 0)
    expect(other.open()).toBe(1)
    await own.fetch(server.url, { timeoutMs: 5000 })
    await own.fetch(other.url, { timeoutMs: 5000 })
    expect([server.connections(), other.connections()]).toEqual([2, 1])
    await own.close()
  })

  test('over TLS is reused too', async () => {
    await using server = await run(createHttpsServer(selfSigned(), (_, response) => response.end('a 1\n')))
    const url = server.url.replace('http:', 'https:')
    for (let n = 0; n < 3; n += 1) expect(text((await get(url)).body)).toBe('a 1\n')
    expect(server.connections()).toBe(1)
  })

  test('over TLS carries no request where the certificate is not valid', async () => {
    const sent: string[] = []
    const secure = createHttpsServer(selfSigned())
    secure.on('secureConnection', (socket: Socket) =>
      socket.on('data', (bytes) => sent.push(bytes.toString())),
    )
    await using server = await run(secure)
    const verifying = createFetcher({ clock: systemClock, maxBodyBytes, verifyTls: true })
    const url = server.url.replace('http:', 'https:')
    await expect(verifying.fetch(url, { timeoutMs: 5000 })).rejects.toMatchObject({ code: 'tls' })
    await until('the connection is closed', () => server.open() === 0)
    await verifying.close()
    expect(sent).toEqual([])
  })

  test('may be to an address of IPv6', async ({ skip }) => {
    const server = createServer((_, response) => response.end('a 1\n')).listen(0, '::1')
    const [error] = await Promise.race([once(server, 'listening'), once(server, 'error')])
    skip(error !== undefined, 'this machine has no IPv6')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    expect(text((await get(`http://[::1]:${port}/`)).body)).toBe('a 1\n')
  })

  test('that failed before its first response is not tried again', async () => {
    await using server = await tcpServer((socket) => socket.once('data', () => socket.destroy()))
    await expect(get(server.url)).rejects.toMatchObject({ code: 'reset' })
    expect(server.connections()).toBe(1)
  })

  test('is opened again after the container was restarted', async () => {
    const page = () => createServer((_, response) => response.end('a 1\n'))
    const first = await run(page())
    await get(first.url)
    await first[Symbol.asyncDispose]()
    await using _second = await run(page(), first.port)
    expect(text((await get(first.url)).body)).toBe('a 1\n')
  })

  test('is opened again, however many idle ones the container has closed', async () => {
    const used = new WeakSet<Socket>()
    await using server = await httpServer(async ({ socket }, response) => {
      if (!used.has(socket)) {
        used.add(socket)
        response.end('a 1\n')
        return
      }
      await sleep(50)
      socket.destroy()
    })
    await get(server.url)
    // the first one's retry finds the connection that the second one has put back
    const both = [get(server.url), get(server.url)]
    for (const { body } of await Promise.all(both)) expect(text(body)).toBe('a 1\n')
    expect(server.connections()).toBe(3)
  })

  test('is not shared: no fetch waits for another’s response', async () => {
    let first = true
    await using server = await httpServer((_, response) => {
      if (!first) response.end('a 1\n')
      first = false
    })
    const hanging = get(server.url, 1000).catch(({ code }) => code)
    expect(text((await get(server.url, 1000)).body)).toBe('a 1\n')
    expect(await hanging).toBe('timeout')
  })
})

describe('nothing is left behind', () => {
  test('by fetches that failed in any way', async () => {
    await using silent = await tcpServer((socket) => socket.resume())
    await using broken = await tcpServer((socket) => socket.resume().write('no HTTP\r\n'))
    await using endless = await httpServer((_, response) => response.write('a 1\n'.repeat(100_000)))
    const urls = [silent, broken, endless].flatMap(({ url }) =>
      Array.from({ length: 30 }, (_, n) => `${url}?n=${n}`),
    )
    const fetched = await Promise.allSettled(urls.map((url) => get(url, 200)))
    expect(fetched.filter(({ status }) => status === 'fulfilled')).toEqual([])
    await until('all connections are closed', () => silent.open() + broken.open() + endless.open() === 0)
  })

  test('by an aborted fetch, and the signal of an earlier fetch aborts nothing', async () => {
    let isSilent = false
    await using server = await httpServer((_, response) => {
      if (!isSilent) response.end('a 1\n')
    })
    const [first, second] = [new AbortController(), new AbortController()]
    const ask = ({ signal }: AbortController) => fetcher.fetch(server.url, { timeoutMs: 5000, signal })
    await ask(first)
    first.abort()
    await ask(second)
    expect([server.connections(), server.open()]).toEqual([1, 1])
    isSilent = true
    const failed = ask(second).catch(({ code }) => code)
    second.abort(new ProxyError('stopped', 'it is no longer there'))
    expect(await failed).toBe('stopped')
    await until('its connection is closed', () => server.open() === 0)
  })

  test('once the fetcher is closed, and fetches in progress fail', async () => {
    await using good = await pageServer('a 1\n')
    await using silent = await tcpServer((socket) => socket.resume())
    await get(good.url)
    const hanging = get(silent.url).catch(({ code }) => code)
    await until('the connection stands', () => silent.open() === 1)
    await fetcher.close()
    expect(await hanging).toBe('stopping')
    await until('all connections are closed', () => good.open() + silent.open() === 0)
  })
})

describe('the reason of a failure', () => {
  test('nothing listens', async () => {
    await expect(get(`http://127.0.0.1:${await freePort()}/metrics`)).rejects.toMatchObject({
      code: 'connection_refused',
      message: 'connection refused',
    })
  })

  test('an error page', async () => {
    await using server = await httpServer((_, response) => response.writeHead(404).end())
    await expect(get(server.url)).rejects.toMatchObject({ code: 'http_status', message: 'answered 404' })
  })

  test('an unknown host name', async () => {
    await expect(get('http://nobody.invalid/metrics')).rejects.toMatchObject({ code: 'unreachable' })
  })

  test('connecting that hangs', async () => {
    await using hanging = await hangingPort()
    await expect(get(`http://127.0.0.1:${hanging.port}/metrics`, 300)).rejects.toMatchObject({
      code: 'timeout',
      message: 'no answer within 300 ms',
    })
  })

  // no retry: what a failed attempt left behind would end during the next one
  test('connecting that hangs leaves no socket after the timeout', { retry: 0 }, async () => {
    await using hanging = await hangingPort()
    const connecting = () => process.getActiveResourcesInfo().filter((one) => one === 'TCPSocketWrap').length
    const before = connecting()
    const fetching = get(`http://127.0.0.1:${hanging.port}/metrics`, 300)
    expect(connecting()).toBe(before + 1)
    await expect(fetching).rejects.toMatchObject({ code: 'timeout' })
    await until('the socket to be gone', () => connecting() === before, { within: 4000 })
  })

  test('no answer in time', async () => {
    await using server = await httpServer(() => {})
    await expect(get(server.url, 100)).rejects.toMatchObject({
      code: 'timeout',
      message: 'no answer within 100 ms',
    })
  })

  test('an aborted fetch', async () => {
    await using server = await httpServer(() => {})
    const gone = new AbortController()
    const fetching = fetcher.fetch(server.url, { timeoutMs: 5000, signal: gone.signal })
    gone.abort(new Error('deleted'))
    await expect(fetching).rejects.toThrow()
  })
})

describe('redirects', () => {
  const redirecting = (location: (port: number) => string) =>
    httpServer((request, response) => {
      if (request.url !== '/metrics') return response.end('a 1\n')
      return response.writeHead(302, { location: location(request.socket.localPort!) }).end()
    })

  test('are followed within the same host and port', async () => {
    await using server = await redirecting(() => '/stats')
    expect(text((await get(server.url)).body)).toBe('a 1\n')
  })

  test.each([
    [
      'another port',
      () => 'http://127.0.0.1:1/x',
      'redirects to http://127.0.0.1:1/x, which is not followed',
    ],
    ['a link-local address', () => 'http://169.254.169.254/latest', /169\.254\.169\.254.*not followed/],
    ['another host', () => 'https://attacker.example/', /attacker\.example.*not followed/],
    ['another name of the same host', (port: number) => `http://localhost:${port}/x`, /not followed/],
    ['a file', () => 'file:///etc/passwd', /not followed/],
    ['nowhere', () => '', /redirected more than 3 times/],
  ])('to %s are not', async (_, location, message) => {
    await using server = await redirecting(location)
    await expect(get(server.url)).rejects.toMatchObject({
      code: 'redirect',
      message: expect.stringMatching(message),
    })
  })

  test('come to an end', async () => {
    let requested = 0
    await using server = await httpServer((_, response) => {
      requested += 1
      response.writeHead(302, { location: '/metrics' }).end()
    })
    await expect(get(server.url)).rejects.toMatchObject({
      code: 'redirect',
      message: 'redirected more than 3 times',
    })
    expect(requested).toBe(4)
  })
})
