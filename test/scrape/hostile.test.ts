// Hostile containers, each a real server, beside healthy ones: the reason is reported, the agent stays within its
// limits, and the others are scraped on time.

import { createServer as createHttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { inspect } from '../../src/exposition/inspect.ts'
import { createLog } from '../../src/logging/log.ts'
import type { Snapshot } from '../../src/model.ts'
import { createByteBudget } from '../../src/runtime/byte-budget.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { createFetcher } from '../../src/scrape/fetch.ts'
import { createRead } from '../../src/scrape/read.ts'
import { startScraper } from '../../src/scrape/scraper.ts'
import { bodyOf } from '../../src/sync/codec.ts'
import { selfSigned } from '../helpers/certificate.ts'
import { scaled } from '../helpers/limits.ts'
import { httpServer, pageServer, type RunningServer, run, tcpServer } from '../helpers/server.ts'
import { until } from '../helpers/until.ts'

const mebi = 2 ** 20
const maxBodyBytes = mebi
/** Also how long a scrape of a hostile one may take. */
const intervalMs = scaled(400)

/** Far longer than a healthy one needs on a busy machine. */
const healthyTimeoutMs = 10_000

/** A scraper of these URLs. */
function scraping(hostile: readonly string[], healthy: readonly string[], verifyTls = false) {
  const urls = [...hostile, ...healthy]
  const clock = systemClock
  const fetcher = createFetcher({ clock, maxBodyBytes, verifyTls })
  const limits = { maxSeries: 10_000, maxLineBytes: 64 * 1024 }
  const read = createRead({
    fetch: fetcher.fetch,
    inspect: (body, contentType) => inspect(body, contentType, limits),
    maxBodyBytes,
    clock: clock,
    budget: createByteBudget(clock, 6 * maxBodyBytes),
  })
  const snapshots = new Map<string, Snapshot[]>(urls.map((url) => [url, []]))
  const scraper = startScraper(
    { clock, read, onIdle: () => {}, log: createLog('silent'), metrics: createMetrics() },
    (url, snapshot) => {
      snapshots.get(url)?.push(snapshot)
      return snapshot
    },
  )
  const job = (url: string, timeoutMs: number) => ({
    endpoint: { url, port: 0, source: '' },
    intervalMs,
    timeoutMs,
  })
  scraper.update(
    new Map([
      ...hostile.map((url) => [url, job(url, intervalMs)] as const),
      ...healthy.map((url) => [url, job(url, healthyTimeoutMs)] as const),
    ]),
  )
  return {
    of: (url: string) => snapshots.get(url)!,
    async [Symbol.asyncDispose]() {
      await scraper.stop()
      await fetcher.close()
    },
  }
}

/** The snapshots of the hostile one, while healthy ones beside it were scraped as often. */
async function beside(hostile: RunningServer | string, verifyTls = false): Promise<readonly Snapshot[]> {
  const url = typeof hostile === 'string' ? hostile : hostile.url
  await using good = await pageServer('good 1\n')
  const healthy = [1, 2, 3, 4, 5].map((n) => `${good.url}?n=${n}`)
  await using agent = scraping([url], healthy, verifyTls)
  const { of } = agent
  await until('three scrapes of each', () => [url, ...healthy].every((one) => of(one).length >= 3))
  for (const one of healthy) {
    expect(of(one).filter(({ ok }) => !ok)).toEqual([])
    expect(of(one).length).toBeGreaterThanOrEqual(of(url).length - 2)
  }
  return of(url)
}

async function failureBeside(hostile: RunningServer | string, verifyTls = false) {
  const snapshots = await beside(hostile, verifyTls)
  return snapshots.map((snapshot) => (snapshot.ok ? 'valid metrics' : snapshot.failure))
}

const says = (code: string, reason: string | RegExp) =>
  expect.arrayContaining([expect.objectContaining({ code, reason: expect.stringMatching(reason) })])

/** Sends this to each request, and then what `more` does. */
function answering(head: string, more: (socket: Socket) => void = () => {}) {
  return tcpServer((socket) => {
    socket.once('data', () => {
      socket.write(head)
      more(socket)
    })
  })
}

/** Writes for as long as the other side takes it. */
function flood(socket: Socket, chunk: string | Buffer): void {
  const more = () => {
    while (!socket.destroyed && socket.write(chunk));
  }
  socket.on('drain', more)
  more()
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n'

describe.concurrent('bodies', () => {
  test('that never end', async () => {
    await using server = await answering(`${ok}\r\n`, (socket) => flood(socket, 'a 1\n'.repeat(16_384)))
    expect(await failureBeside(server)).toEqual(says('too_large', 'sent more than 1 MiB'))
  })

  test('announced as larger than is read are not read at all', async () => {
    await using server = await answering(`${ok}content-length: 99999999999\r\n\r\n`)
    expect(await failureBeside(server)).toEqual(says('too_large', 'sent more than 1 MiB'))
  })

  test('that come a byte at a time', async () => {
    await using server = await answering(`${ok}\r\n`, (socket) => {
      const drip = setInterval(() => socket.write('a'), 20)
      socket.once('close', () => clearInterval(drip))
    })
    expect(await failureBeside(server)).toEqual(says('timeout', /^no answer within [\d.]+ m?s$/))
  })

  test('that are gzip bombs', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * mebi, 'a 1\n'))
    await using server = await httpServer((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    )
    expect(await failureBeside(server)).toEqual(says('too_large', 'sent more than 1 MiB once unpacked'))
  })

  test('that are gzip bombs and lie about their size', async () => {
    const bomb = gzipSync(Buffer.alloc(20 * mebi, 'a 1\n'))
    bomb.writeUInt32LE(10, bomb.length - 4)
    await using server = await httpServer((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    )
    expect(await failureBeside(server)).toEqual(says('too_large', 'sent more than 1 MiB once unpacked'))
  })

  test.each([
    ['are no gzip', Buffer.from('a 1\n')],
    ['are half a gzip', gzipSync('a 1\n'.repeat(1000)).subarray(0, 30)],
  ])('that claim to be gzip and %s', async (_, body) => {
    await using server = await httpServer((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(body),
    )
    expect(await failureBeside(server)).toEqual(says('protocol', 'sent gzip that cannot be unpacked'))
  })

  test('of HTML', async () => {
    await using server = await pageServer('\n<!doctype html><title>shop</title>', 'text/html')
    expect(await failureBeside(server)).toEqual(says('invalid', 'answered HTML, not metrics'))
  })

  test('that are no metrics, quoted without what could harm a terminal', async () => {
    await using server = await pageServer('\x1b]0;owned\x07 1\n')
    const [failure] = await failureBeside(server)
    expect(failure).toMatchObject({
      code: 'invalid',
      reason: expect.stringMatching(/^answered no valid metrics: line 1, column 1: [\x20-\x7e]+$/),
    })
  })

  test('of millions of series', async () => {
    const page = Array.from({ length: 60_000 }, (_, n) => `a{n="${n}"} 1\n`).join('')
    await using server = await pageServer(page)
    expect(await failureBeside(server)).toEqual(says('invalid', /10,?000 series/))
  })

  test('with other names at each scrape leave nothing behind', async () => {
    let scrapes = 0
    await using server = await httpServer((_, response) => {
      scrapes += 1
      response.end(Array.from({ length: 1000 }, (_, n) => `a_${scrapes}_${n} 1\n`).join(''))
    })
    const snapshots = await beside(server)
    const last = snapshots.at(-1)!
    expect(last.ok && last.page.series).toBe(1000)
    expect(last.ok && Buffer.from(bodyOf(last.page)).toString()).not.toContain(`a_${snapshots.length - 1}_`)
  })

  test('of many hung responses share one budget: what finds none free is refused, and small ones are read', async () => {
    const unfinished = Buffer.alloc(0.9 * mebi, 'a 1\n')
    await using server = await answering(`${ok}\r\n`, (socket) => socket.write(unfinished))
    await using good = await pageServer('good 1\n')
    const urls = Array.from({ length: 20 }, (_, n) => `${server.url}?n=${n}`)
    await using agent = scraping(urls, [good.url])
    const { of } = agent
    await until('all have been read', () => [...urls, good.url].every((url) => of(url).length >= 2))
    expect(urls.flatMap((url) => of(url)).map((one) => !one.ok && one.failure)).toEqual(
      says('overloaded', 'no memory was free within'),
    )
    expect(of(good.url).every(({ ok }) => ok)).toBe(true)
  })
})

describe.concurrent('lengths that are not true', () => {
  test('more announced than sent', async () => {
    await using server = await answering(`${ok}content-length: 400\r\n\r\na 1\n`, (socket) => socket.end())
    expect(await failureBeside(server)).toEqual(
      says('reset', 'connection closed before the answer was complete'),
    )
  })

  test('less announced than sent: what follows is never taken for the next answer', async () => {
    await using server = await answering(
      `${ok}content-length: 4\r\n\r\na 1\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nevil 1`,
    )
    const pages = (await beside(server)).map((one) => one.ok && Buffer.from(bodyOf(one.page)).toString())
    expect(new Set(pages)).toEqual(new Set(['a 1\n']))
  })

  test('a length, and chunks too', async () => {
    await using server = await answering(
      `${ok}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n4\r\na 1\n\r\n0\r\n\r\n`,
    )
    expect(await failureBeside(server)).toEqual(
      says('protocol', 'sent another number of bytes than it announced'),
    )
  })

  test('a broken chunk', async () => {
    await using server = await answering(`${ok}transfer-encoding: chunked\r\n\r\nzz\r\n`)
    expect(await failureBeside(server)).toEqual(says('protocol', 'answered something that is not HTTP'))
  })
})

describe.concurrent('headers', () => {
  test('100,000 of them', async () => {
    const many = Array.from({ length: 100_000 }, (_, n) => `x-${n}: y\r\n`).join('')
    await using server = await answering(`${ok}${many}\r\na 1\n`)
    expect(await failureBeside(server)).toEqual(says('protocol', 'sent too many or too large headers'))
  })

  test('without end', async () => {
    await using server = await answering(ok, (socket) => flood(socket, 'x: y\r\n'.repeat(10_000)))
    expect(await failureBeside(server)).toEqual(says('protocol', 'sent too many or too large headers'))
  })

  test.each([
    ['a line break in its middle', 'x: a\r\rb\r\n'],
    ['a zero byte', 'x: a\0b\r\n'],
    ['no colon', 'nonsense\r\n'],
  ])('with %s', async (_, header) => {
    await using server = await answering(`${ok}${header}\r\na 1\n`, (socket) => socket.end())
    expect(await failureBeside(server)).toEqual(says('protocol', 'answered something that is not HTTP'))
  })

  test('that try to write into the log or a response', async () => {
    await using server = await answering(
      'HTTP/1.1 302 Found\r\nlocation: http://evil/\u009b31m<script>\r\ncontent-length: 0\r\n\r\n',
    )
    const [failure] = await failureBeside(server)
    expect(failure).toMatchObject({
      code: 'redirect',
      reason: expect.stringMatching(/^redirects to [\x20-\x7e\ufffd\u00c2]+$/),
    })
  })
})

describe.concurrent('connections', () => {
  test('that accept and stay silent', async () => {
    await using server = await tcpServer(() => {})
    expect(await failureBeside(server)).toEqual(says('timeout', /^no answer within [\d.]+ m?s$/))
  })

  test('that reset', async () => {
    await using server = await tcpServer((socket) => socket.resetAndDestroy())
    expect(await failureBeside(server)).toEqual(says('reset', /^connection (reset|closed)/))
  })

  test('that reset in the middle of a page', async () => {
    await using server = await answering(`${ok}content-length: 400\r\n\r\na 1\n`, (socket) =>
      setTimeout(() => socket.resetAndDestroy(), 20),
    )
    expect(await failureBeside(server)).toEqual(says('reset', /^connection (reset|closed)/))
  })
})

describe.concurrent('protocols', () => {
  test.each([
    ['HTTP/0.9', 'a 1\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['Redis', "-ERR unknown command 'GET'\r\n"],
    ['noise', '\xff\x00\x13\x37'.repeat(100)],
  ])('%s', async (_, greeting) => {
    await using server = await answering(greeting)
    expect(await failureBeside(server)).toEqual(says('protocol', 'answered something that is not HTTP'))
  })

  test('HTTP/1.0 without a length is understood', async () => {
    await using server = await answering('HTTP/1.0 200 OK\r\n\r\na 1\n', (socket) => socket.end())
    expect((await beside(server)).every(({ ok }) => ok)).toBe(true)
  })

  test('a switch to another protocol', async () => {
    await using server = await answering('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n')
    expect((await beside(server)).some(({ ok }) => ok)).toBe(false)
  })
})

describe.concurrent('TLS', () => {
  const secured = () => run(createHttpsServer(selfSigned(), (_, response) => response.end('a 1\n')))
  const overTls = ({ url }: RunningServer) => url.replace('http:', 'https:')

  test('self-signed is accepted by default', async () => {
    await using server = await secured()
    expect((await beside(overTls(server))).every(({ ok }) => ok)).toBe(true)
  })

  test('self-signed is refused if certificates are verified', async () => {
    await using server = await secured()
    expect(await failureBeside(overTls(server), true)).toEqual(says('tls', /^TLS failed: .*self-signed/))
  })

  test('requested where there is none', async () => {
    await using server = await pageServer('a 1\n')
    expect(await failureBeside(overTls(server))).toEqual(says('tls', 'does not speak TLS as expected'))
  })

  test('expected where plain HTTP is requested', async () => {
    await using server = await secured()
    expect((await beside(server)).some(({ ok }) => ok)).toBe(false)
  })

  test('begins and then is noise', async () => {
    await using server = await answering('\x16\x03\x03\x00\x04abcd', (socket) =>
      flood(socket, 'noise'.repeat(10_000)),
    )
    expect(await failureBeside(overTls(server))).toEqual(says('tls', /^TLS failed: [a-z ]+$/))
  })
})
