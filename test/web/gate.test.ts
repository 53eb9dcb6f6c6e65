// Every kind of request, behind each kind of guard: none gets past it, and every response has its headers.

import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { ProxyError } from '../../src/errors.ts'
import { createLog } from '../../src/logging/log.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { openGuard } from '../../src/web/auth/guard.ts'
import { type Plugin, startServer } from '../../src/web/server.ts'
import { expectInternalErrors } from '../helpers/internal-errors.ts'

const folder = mkdtempSync(join(tmpdir(), 'gate-'))
const parts: { stop(): Promise<void> }[] = []
afterAll(async () => {
  for (const part of parts.reverse()) await part.stop()
  rmSync(folder, { recursive: true })
})

const routes: Plugin = (server) => {
  server.get('/-/healthy', (_request, reply) => reply.send('healthy\n'))
  server.get('/:name/metrics', (_request, reply) => reply.send('a 1\n'))
  server.get('/refused', () => {
    throw new ProxyError('owner_lost', 'the node is gone')
  })
  server.get('/broken', () => {
    throw new Error('a fault')
  })
  server.get('/raw', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200).end('raw\n')
  })
  server.get('/same', (_request, reply) => reply.code(304).send())
}

async function serve(config: string): Promise<number> {
  const file = join(folder, `${parts.length}.yml`)
  writeFileSync(file, `http_server_config: { headers: { X-Mark: here } }\n${config}`)
  const log = createLog('silent')
  const guard = openGuard({ file, clock: systemClock, log })
  const server = await startServer({
    ...{ port: 0, host: '127.0.0.1', clock: systemClock, log, metrics: createMetrics(), guard },
    plugins: [routes],
    limits: { headersTimeoutMs: 300, checkIntervalMs: 50 },
  })
  parts.push(guard, server)
  return server.port
}

/** All that comes back until the connection ends. */
async function exchange(port: number, sent: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port })
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  socket.on('error', () => {})
  socket.write(sent)
  await once(socket, 'close')
  return received
}

const request = (method: string, target: string, ...headers: readonly string[]) =>
  [`${method} ${target} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', ''].join('\r\n')

const kinds: readonly (readonly [what: string, sent: string, status: number])[] = [
  ['a page', request('GET', '/web/metrics'), 200],
  ['HEAD', request('HEAD', '/web/metrics'), 200],
  ['a liveness check', request('GET', '/-/healthy'), 200],
  ['HEAD of a liveness check', request('HEAD', '/-/healthy'), 200],
  ['a route that writes by itself', request('GET', '/raw'), 200],
  ['304', request('GET', '/same'), 304],
  ['OPTIONS', request('OPTIONS', '/web/metrics'), 405],
  ['OPTIONS of all', request('OPTIONS', '*'), 405],
  ['POST', request('POST', '/web/metrics', 'Content-Length: 0'), 405],
  ['POST of what is too large', request('POST', '/web/metrics', 'Content-Length: 99999'), 405],
  ['TRACE', request('TRACE', '/web/metrics'), 405],
  ['a path that is not there', request('GET', '/no/such/path'), 404],
  ['an absolute URL', request('GET', 'http://x/-/healthy'), 200],
  ['a failure with a reason', request('GET', '/refused'), 502],
  ['an internal error', request('GET', '/broken'), 500],
  ['a path that cannot be decoded', request('GET', '/%zz/metrics'), 400],
  ['a path that is no UTF-8', request('GET', '/%ff/metrics'), 400],
  ['a name that is too long', request('GET', `/${'x'.repeat(600)}/metrics`), 400],
  [
    'a request to upgrade',
    request('GET', '/web/metrics', 'Upgrade: websocket').replace('close', 'upgrade, close'),
    200,
  ],
  ['one with Expect: 100-continue', request('GET', '/web/metrics', 'Expect: 100-continue'), 200],
  ['one with an unknown expectation', request('GET', '/web/metrics', 'Expect: a miracle'), 200],
  ['HTTP/1.0', 'GET /web/metrics HTTP/1.0\r\n\r\n', 200],
  ['no host', request('GET', '/web/metrics').replace('Host: x\r\n', ''), 400],
  ['a malformed request', 'malformed\r\n\r\n', 400],
  ['an unknown version', 'GET / HTTP/9.9\r\nHost: x\r\n\r\n', 400],
  ['two lengths', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
  ['too large headers', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ['half a request', 'GET / HTTP/1.1\r\nHost: x\r\n', 408],
]

const isOpen = (sent: string) => sent.includes(' /-/healthy ')
const guards: readonly (readonly [
  what: string,
  config: string,
  status: (unguarded: number, sent: string) => number,
])[] = [
  ['lets all through', '', (status) => status],
  ['refuses this address', 'allowed_addresses: [192.0.2.1]', () => 403],
  [
    'requires a password',
    `basic_auth_users: { alice: "${hashSync('right', 4)}" }`,
    (status, sent) => (isOpen(sent) ? status : 401),
  ],
  [
    'requires a token',
    `bearer_tokens: { prometheus: "${'0'.repeat(64)}" }`,
    (status, sent) => (isOpen(sent) ? status : 401),
  ],
]

describe.each(guards)('behind a guard that %s', (_guard, config, statusOf) => {
  let port: number
  beforeAll(async () => {
    port = await serve(config)
  })

  test.each(kinds)('%s', async (_kind, sent, status) => {
    const received = await exchange(port, sent)
    const expected = statusOf(status, sent)
    if (expected === 500) expectInternalErrors()
    expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${expected} `))
    // exactly one response
    expect(received.match(/^HTTP\/1\.1/gm)).toHaveLength(1)
    expect(received).toMatch(/^x-mark: here\r$/im)
    if (sent.startsWith('HEAD')) expect(received).toMatch(/\r\n\r\n$/)
    else if (expected >= 400) expect(received).toMatch(/^content-type: text\/plain; charset=utf-8\r$/im)
  })
})

test('a guard that fails refuses all, and its error is logged but not served', async () => {
  expectInternalErrors()
  const lines: string[] = []
  const guard = {
    ...{ tls: undefined, onTls: () => {}, headers: () => ({ 'X-Mark': 'here' }) },
    judge: () => Promise.reject(new Error('the thread is broken')),
  }
  const log = createLog('error', (line) => lines.push(line))
  const metrics = createMetrics()
  const server = await startServer({
    ...{ port: 0, host: '127.0.0.1', clock: systemClock, log, metrics, guard, plugins: [routes] },
  })
  parts.push(server)
  const received = await exchange(server.port, request('GET', '/web/metrics'))
  expect(received).toMatch(/^HTTP\/1\.1 500 .*x-mark: here.*\r\n\r\ninternal error\n$/is)
  expect(lines.join()).toContain('the thread is broken')
  expect(metrics.print()).toContain('app_metrics_proxy_http_requests_total{route="none",status="500"} 1\n')
})

test.each(kinds)('beyond the rate, %s is refused, too', async (_kind, sent) => {
  const port = await serve('rate_limit: { interval: 60s, burst: 1 }')
  await exchange(port, request('GET', '/-/healthy'))
  const received = await exchange(port, sent)
  expect(received).toMatch(/^HTTP\/1\.1 429 /)
  expect(received).toMatch(/^x-mark: here\r$/im)
})
