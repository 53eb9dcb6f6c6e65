// Passers-by on the web port who mean harm, or mean nothing: each does so on real connections while somebody
// else asks. The others are answered all the while, and nobody leaves anything behind.

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

/** A server that its test can count the connections of, and strangers who connect to it. */
async function besieged(limits: Partial<ConnectionLimits> = timeouts, tls?: ReturnType<typeof selfSigned>) {
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
  const strangers: Stranger[] = []
  return {
    port: server.port,
    connections,
    stranger() {
      const stranger = createStranger(server.port)
      strangers.push(stranger)
      return stranger
    },
    /** Somebody who means well is answered, now. */
    async answersOthers() {
      const hello = tls ? await askOverTls(server.port, '/hello') : (await ask(server.port, '/hello')).text
      expect(hello).toBe('hello\n')
    },
    async [Symbol.asyncDispose]() {
      for (const { socket } of strangers) socket.destroy()
      await until('every connection to be let go of', async () => (await connections()) === 0)
      await server.stop()
    },
  }
}

async function askOverTls(port: number, path: string): Promise<string> {
  const sent = httpsRequest({ host: '127.0.0.1', port, path, agent: false, rejectUnauthorized: false }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return text(response)
}

interface Stranger {
  readonly socket: Socket
  readonly connected: Promise<unknown>
  readonly closed: Promise<unknown>
  readonly heard: () => string
}

function createStranger(port: number): Stranger {
  const socket = connect({ host: '127.0.0.1', port })
  const heard: Buffer[] = []
  socket.on('error', () => {})
  socket.on('data', (chunk) => heard.push(chunk))
  return {
    socket,
    connected: new Promise((resolve) => socket.once('connect', resolve)),
    closed: new Promise((resolve) => socket.once('close', resolve)),
    heard: () => Buffer.concat(heard).toString('latin1'),
  }
}

const tlsHello = Buffer.from('16030100a5010000a10303', 'hex')
const rubbish: readonly (readonly [string, string | Buffer])[] = [
  ['noise', Buffer.from([0xff, 0, 0x13, 0x37, 0x0d, 0x0a, 0x0d, 0x0a])],
  ['a TLS hello', Buffer.concat([tlsHello, Buffer.alloc(160)])],
  ['an SSH greeting', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/0.9', 'GET /hello\r\n'],
  ['an unheard-of version', 'GET /hello HTTP/9.9\r\nHost: x\r\n\r\n'],
  ['a method of nobody', 'BREW /hello HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a header without end', `GET /hello HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(2 ** 20)}`],
  ['headers without number', `GET /hello HTTP/1.1\r\nHost: x\r\n${'x: y\r\n'.repeat(100_000)}\r\n`],
  ['a path without end', `GET /${'x'.repeat(2 ** 20)}`],
  ['two lengths', 'GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
  [
    'a length and chunks',
    'GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['a line break within a header', 'GET /hello HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n'],
  ['a way through to elsewhere', 'CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\n\r\n'],
]

test.each(rubbish)('%s: refused, and the connection closed', async (_what, sent) => {
  await using server = await besieged()
  const stranger = server.stranger()
  stranger.socket.write(sent)
  await stranger.closed
  expect(stranger.heard()).toMatch(/^(HTTP\/1\.1 4\d\d |$)/)
  await server.answersOthers()
})

test.each([
  ['is told what is answered', 'POST', '', 405],
  ['with a body is refused', 'PUT', 'Content-Length: 5\r\n\r\nabcde', 405],
  ['with more than it may send is refused', 'POST', 'Content-Length: 99999999999\r\n\r\nabcde', 405],
  ['is not traced', 'TRACE', '', 405],
])('an odd method %s', async (_what, method, rest, status) => {
  await using server = await besieged()
  const stranger = server.stranger()
  stranger.socket.write(`${method} /hello HTTP/1.1\r\nHost: x\r\n${rest}\r\n`)
  await until('an answer', () => stranger.heard() !== '')
  expect([method, Number(stranger.heard().slice(9, 12))]).toEqual([method, status])
  await server.answersOthers()
})

test('who asks for another protocol is answered in this one', async () => {
  await using server = await besieged()
  const stranger = server.stranger()
  stranger.socket.write('GET /hello HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await until('an answer', () => stranger.heard().includes('hello\n'))
  expect(stranger.heard()).toMatch(/^HTTP\/1\.1 200 /)
})

test.each([
  ['says nothing', '', ''],
  ['stops within a request', 'GET /hello HT', ''],
  ['sends its headers a byte at a time', 'GET /hello HTTP/1.1\r\n', 'x'],
])('who %s is cut off; others are answered in the meantime', async (_what, first, drip) => {
  await using server = await besieged()
  const strangers = Array.from({ length: 50 }, server.stranger)
  for (const { socket } of strangers) socket.write(first)
  const dripping = setInterval(() => {
    for (const { socket } of strangers) socket.write(drip)
  }, 20)
  try {
    await server.answersOthers()
    await Promise.all(strangers.map(({ closed }) => closed))
    await server.answersOthers()
  } finally {
    clearInterval(dripping)
  }
})

test('who never shakes hands is cut off where TLS is spoken', async () => {
  await using server = await besieged(timeouts, selfSigned())
  const strangers = Array.from({ length: 20 }, server.stranger)
  for (const { socket } of strangers) socket.write(tlsHello)
  await Promise.all(strangers.map(({ closed }) => closed))
  expect(await server.connections()).toBe(0)
})

test('2,000 who only hold a connection are in nobody’s way', async () => {
  await using server = await besieged({ headersTimeoutMs: 60_000 })
  const strangers: Stranger[] = []
  while (strangers.length < 2000) {
    const more = Array.from({ length: 100 }, server.stranger)
    await Promise.all(more.map(({ connected }) => connected))
    strangers.push(...more)
  }
  await until('all to be let in', async () => (await server.connections()) === strangers.length)
  await server.answersOthers()
  expect(strangers.filter(({ socket }) => socket.closed)).toEqual([])
})

test.each([
  ['in the open', undefined],
  ['where TLS is spoken', selfSigned()],
])('beyond the most, who came first and has not asked makes room for who asks, %s', async (_where, tls) => {
  const maxConnections = 20
  await using server = await besieged({ maxConnections, headersTimeoutMs: 60_000 }, tls)
  const silent: Stranger[] = []
  for (let n = 0; n < maxConnections; n += 1) {
    const stranger = server.stranger()
    await stranger.connected
    silent.push(stranger)
  }
  await server.answersOthers()
  await silent[0]!.closed
  expect(silent.slice(1).filter(({ socket }) => socket.closed)).toEqual([])
})

test('connections are capped, and those that only hold one make room', async () => {
  const maxConnections = 20
  await using server = await besieged({ maxConnections })
  const idle = Array.from({ length: maxConnections }, server.stranger)
  for (const { socket } of idle) socket.write('GET /hello HTTP/1.1\r\nHost: x\r\n\r\n')
  await until('all to be answered', () => idle.every(({ heard }) => heard().includes('hello\n')))
  await server.stranger().closed
  expect(await server.connections()).toBeLessThanOrEqual(maxConnections)
  await Promise.all(idle.map(({ closed }) => closed))
  await server.answersOthers()
})

test('who asks on and on without reading the answers is not read any further', async () => {
  await using server = await besieged()
  const stranger = server.stranger()
  stranger.socket.pause()
  const requests = Buffer.from('GET /large HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1000))
  let taken = true
  for (let n = 0; n < 1000 && taken; n += 1) {
    taken = stranger.socket.write(requests) || (await drained(stranger.socket))
    await server.answersOthers()
  }
  expect(taken).toBe(false)
})

/** Whether the other side still takes what is sent; several answers to others later it surely would have. */
async function drained(socket: Socket): Promise<boolean> {
  const waited = systemClock.sleep(300).then(() => false)
  return Promise.race([once(socket, 'drain').then(() => true), waited])
}

test('rubbish after a good request on one connection doesn’t touch its answer', async () => {
  await using server = await besieged()
  const stranger = server.stranger()
  stranger.socket.write(
    'GET /hello HTTP/1.1\r\nHost: x\r\n\r\n\0\0rubbish\r\n\r\nGET /hello HTTP/1.1\r\n\r\n',
  )
  await stranger.closed
  expect(stranger.heard()).toMatch(/^HTTP\/1\.1 (200|400) /)
  expect(stranger.heard().split('hello\n').length).toBeLessThanOrEqual(2)
  await server.answersOthers()
})

test('who leaves in the middle of an answer leaves nothing behind', async () => {
  await using server = await besieged()
  const strangers = Array.from({ length: 20 }, server.stranger)
  for (const { socket } of strangers) {
    socket.once('data', () => socket.resetAndDestroy())
    socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
  }
  await Promise.all(strangers.map(({ closed }) => closed))
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
    const stranger = createStranger(agent.port)
    stranger.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    await stranger.closed
    const [head = '', told = ''] = stranger.heard().split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(head).not.toMatch(/^set-cookie/im)
    expect(told).not.toContain('root:')
    expect((await agent.ask('/web/metrics')).text).toBe('a 1\n')
  } finally {
    await agent.stop()
  }
})
