// Hostile and broken clients on real connections: they are refused, other clients are answered in the meantime, and no
// connection is left behind.

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createLog } from '../../src/logging/log.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import type { ConnectionLimits } from '../../src/web/listener.ts'
import { type Plugin, startServer } from '../../src/web/server.ts'
import { selfSigned } from '../helpers/certificate.ts'
import { until } from '../helpers/until.ts'
import { node, standalone } from '../store/world.ts'
import { ask, read, startAgent } from './agent.ts'

const timeouts = { headersTimeoutMs: 500, checkIntervalMs: 50 }
const megabyte = Buffer.alloc(2 ** 20, 'a 1\n')

/** A server with a count of its connections, and raw connections to it. */
async function startTarget(
  limits: Partial<ConnectionLimits> = timeouts,
  tls?: ReturnType<typeof selfSigned>,
) {
  let connections: () => Promise<number> = async () => 0
  const routes: Plugin = (server) => {
    server.get('/hello', (_request, reply) => reply.send('hello\n'))
    server.get('/large', (_request, reply) => reply.send(megabyte))
    connections = () =>
      new Promise((resolve, reject) =>
        server.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      )
  }
  const log = createLog('silent')
  const metrics = createMetrics()
  const server = await startServer({
    ...{ port: 0, host: '127.0.0.1', clock: systemClock, log, metrics, plugins: [routes], limits },
    ...(tls && { guard: { tls, onTls: () => {}, judge: () => undefined, headers: () => ({}) } }),
  })
  const clients: RawConnection[] = []
  return {
    port: server.port,
    connections,
    connect() {
      const client = openConnection(server.port)
      clients.push(client)
      return client
    },
    /** Another client is answered now. */
    async answersOthers() {
      const hello = tls ? await askOverTls(server.port, '/hello') : (await ask(server.port, '/hello')).text
      expect(hello).toBe('hello\n')
    },
    async [Symbol.asyncDispose]() {
      for (const { socket } of clients) socket.destroy()
      await until('every connection to be closed', async () => (await connections()) === 0)
      await server.stop()
    },
  }
}

async function askOverTls(port: number, path: string): Promise<string> {
  const sent = httpsRequest({ host: '127.0.0.1', port, path, agent: false, rejectUnauthorized: false }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return text(response)
}

interface RawConnection {
  readonly socket: Socket
  readonly connected: Promise<unknown>
  readonly closed: Promise<unknown>
  readonly received: () => string
}

function openConnection(port: number): RawConnection {
  const socket = connect({ host: '127.0.0.1', port })
  const chunks: Buffer[] = []
  socket.on('error', () => {})
  socket.on('data', (chunk) => chunks.push(chunk))
  return {
    socket,
    connected: new Promise((resolve) => socket.once('connect', resolve)),
    closed: new Promise((resolve) => socket.once('close', resolve)),
    received: () => Buffer.concat(chunks).toString('latin1'),
  }
}

const tlsHello = Buffer.from('16030100a5010000a10303', 'hex')
const malformed: readonly (readonly [string, string | Buffer])[] = [
  ['noise', Buffer.from([0xff, 0, 0x13, 0x37, 0x0d, 0x0a, 0x0d, 0x0a])],
  ['a TLS hello', Buffer.concat([tlsHello, Buffer.alloc(160)])],
  ['an SSH greeting', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/0.9', 'GET /hello\r\n'],
  ['an unknown version', 'GET /hello HTTP/9.9\r\nHost: x\r\n\r\n'],
  ['an unknown method', 'BREW /hello HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['an endless header', `GET /hello HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(2 ** 20)}`],
  ['too many headers', `GET /hello HTTP/1.1\r\nHost: x\r\n${'x: y\r\n'.repeat(100_000)}\r\n`],
  ['an endless path', `GET /${'x'.repeat(2 ** 20)}`],
  ['two lengths', 'GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
  [
    'a length and chunks',
    'GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['a line break within a header', 'GET /hello HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n'],
  ['CONNECT to another host', 'CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\n\r\n'],
]

test.each(malformed)('%s: refused, and the connection closed', async (_what, sent) => {
  await using server = await startTarget()
  const client = server.connect()
  client.socket.write(sent)
  await client.closed
  expect(client.received()).toMatch(/^(HTTP\/1\.1 4\d\d |$)/)
  await server.answersOthers()
})

test.each([
  ['is refused', 'POST', '', 405],
  ['with a body is refused', 'PUT', 'Content-Length: 5\r\n\r\nabcde', 405],
  ['with too large a body is refused', 'POST', 'Content-Length: 99999999999\r\n\r\nabcde', 405],
  ['is not traced', 'TRACE', '', 405],
])('another method %s', async (_what, method, rest, status) => {
  await using server = await startTarget()
  const client = server.connect()
  client.socket.write(`${method} /hello HTTP/1.1\r\nHost: x\r\n${rest}\r\n`)
  await until('an answer', () => client.received() !== '')
  expect([method, Number(client.received().slice(9, 12))]).toEqual([method, status])
  await server.answersOthers()
})

test('a client that asks for another protocol is answered in this one', async () => {
  await using server = await startTarget()
  const client = server.connect()
  client.socket.write('GET /hello HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await until('an answer', () => client.received().includes('hello\n'))
  expect(client.received()).toMatch(/^HTTP\/1\.1 200 /)
})

test.each([
  ['sends nothing', '', ''],
  ['stops within a request', 'GET /hello HT', ''],
  ['sends its headers a byte at a time', 'GET /hello HTTP/1.1\r\n', 'x'],
])('a client that %s is disconnected; others are answered in the meantime', async (_what, first, drip) => {
  await using server = await startTarget()
  const clients = Array.from({ length: 50 }, server.connect)
  for (const { socket } of clients) socket.write(first)
  const dripping = setInterval(() => {
    for (const { socket } of clients) socket.write(drip)
  }, 20)
  try {
    await server.answersOthers()
    await Promise.all(clients.map(({ closed }) => closed))
    await server.answersOthers()
  } finally {
    clearInterval(dripping)
  }
})

test('a client without a TLS handshake is disconnected where TLS is used', async () => {
  await using server = await startTarget(timeouts, selfSigned())
  const clients = Array.from({ length: 20 }, server.connect)
  for (const { socket } of clients) socket.write(tlsHello)
  await Promise.all(clients.map(({ closed }) => closed))
  expect(await server.connections()).toBe(0)
})

test('2,000 silent connections keep nobody out', async () => {
  await using server = await startTarget({ headersTimeoutMs: 60_000 })
  const clients: RawConnection[] = []
  while (clients.length < 2000) {
    const more = Array.from({ length: 100 }, server.connect)
    await Promise.all(more.map(({ connected }) => connected))
    clients.push(...more)
  }
  await until('all to be accepted', async () => (await server.connections()) === clients.length)
  await server.answersOthers()
  expect(clients.filter(({ socket }) => socket.closed)).toEqual([])
})

test.each([
  ['without TLS', undefined],
  ['with TLS', selfSigned()],
])(
  'above the limit, the oldest connection without a request makes room for a new one, %s',
  async (_where, tls) => {
    const maxConnections = 20
    await using server = await startTarget({ maxConnections, headersTimeoutMs: 60_000 }, tls)
    const silent: RawConnection[] = []
    for (let n = 0; n < maxConnections; n += 1) {
      const client = server.connect()
      await client.connected
      silent.push(client)
    }
    await server.answersOthers()
    await silent[0]!.closed
    expect(silent.slice(1).filter(({ socket }) => socket.closed)).toEqual([])
  },
)

test('connections are limited, and idle ones make room', async () => {
  const maxConnections = 20
  await using server = await startTarget({ maxConnections })
  const idle = Array.from({ length: maxConnections }, server.connect)
  for (const { socket } of idle) socket.write('GET /hello HTTP/1.1\r\nHost: x\r\n\r\n')
  await until('all to be answered', () => idle.every(({ received }) => received().includes('hello\n')))
  await server.connect().closed
  expect(await server.connections()).toBeLessThanOrEqual(maxConnections)
  await Promise.all(idle.map(({ closed }) => closed))
  await server.answersOthers()
})

test('a client that sends requests without reading the responses is not read any further', async () => {
  await using server = await startTarget()
  const client = server.connect()
  client.socket.pause()
  const requests = Buffer.from('GET /large HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1000))
  let isRead = true
  for (let n = 0; n < 1000 && isRead; n += 1) {
    isRead = client.socket.write(requests) || (await drained(client.socket))
    await server.answersOthers()
  }
  expect(isRead).toBe(false)
})

/** Whether the server still reads. */
async function drained(socket: Socket): Promise<boolean> {
  const waited = systemClock.sleep(300).then(() => false)
  return Promise.race([once(socket, 'drain').then(() => true), waited])
}

test('malformed bytes after a valid request on one connection do not change its response', async () => {
  await using server = await startTarget()
  const client = server.connect()
  client.socket.write(
    'GET /hello HTTP/1.1\r\nHost: x\r\n\r\n\0\0malformed\r\n\r\nGET /hello HTTP/1.1\r\n\r\n',
  )
  await client.closed
  expect(client.received()).toMatch(/^HTTP\/1\.1 (200|400) /)
  expect(client.received().split('hello\n').length).toBeLessThanOrEqual(2)
  await server.answersOthers()
})

test('a client that disconnects in the middle of a response leaves nothing behind', async () => {
  await using server = await startTarget()
  const clients = Array.from({ length: 20 }, server.connect)
  for (const { socket } of clients) {
    socket.once('data', () => socket.resetAndDestroy())
    socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
  }
  await Promise.all(clients.map(({ closed }) => closed))
  await until('all to be gone', async () => (await server.connections()) === 0)
  await server.answersOthers()
})

test.each([
  '/../../etc/passwd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/..%2f..%2fetc%2fpasswd/metrics',
  '/web/%2e%2e/%2e%2e/metrics',
  '//evil.example/metrics',
  '/%/metrics',
  '/%zz/metrics',
  '/%c0%af/metrics',
  '/%ff%fe/metrics',
  '/%00/metrics',
  '/web%00/metrics',
  '/web%0d%0aset-cookie:%20a=b/metrics',
  '/%3Cscript%3E/metrics',
  '/__proto__/metrics',
  '/constructor/metrics',
  '/web/__proto__/metrics',
  `/${'a'.repeat(600)}/metrics`,
  `${'/a'.repeat(300)}/metrics`,
  '/;/metrics',
  'http://169.254.169.254/latest/metrics',
  '*',
])('the path %s leads nowhere', async (path) => {
  const web = { ...standalone('n1', 'web'), snapshot: read('a 1\n') }
  const agent = await startAgent({ entries: [web], nodes: [node('n1', 'one', 'self')], maxAgeMs: 'off' })
  try {
    const client = openConnection(agent.port)
    client.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    await client.closed
    const [head = '', body = ''] = client.received().split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(head).not.toMatch(/^set-cookie/im)
    expect(body).not.toContain('root:')
    expect((await agent.ask('/web/metrics')).text).toBe('a 1\n')
  } finally {
    await agent.stop()
  }
})
