// Responses as containers send them, well and badly: what is complete is taken, whatever could be read in two ways is
// refused, and nothing that follows a response is ever taken for the next one.

import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createFetcher } from '../../src/scrape/fetch.ts'
import { damaged } from '../../tools/fuzz/damage.ts'
import { seeded } from '../exposition/corpus/random.ts'
import { tcpServer } from '../helpers/server.ts'

const ok = 'HTTP/1.1 200 OK\r\n'
const three = 'content-length: 3\r\n\r\nabc'
const chunks = 'transfer-encoding: chunked\r\n\r\n'

/** The body is abc, and the connection is kept. */
const kept = {
  'a length': `${ok}${three}`,
  'a length with zeros before it': `${ok}content-length: 0003\r\n\r\nabc`,
  chunks: `${ok}${chunks}3\r\nabc\r\n0\r\n\r\n`,
  'several chunks': `${ok}${chunks}1\r\na\r\n2\r\nbc\r\n0\r\n\r\n`,
  'chunks in capitals': `${ok}Transfer-Encoding: CHUNKED \r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  'chunks with extensions': `${ok}${chunks}3;a=b;c\r\nabc\r\n0;x="y\\"z"\r\n\r\n`,
  'chunk sizes with zeros before them': `${ok}${chunks}00000000000000000003\r\nabc\r\n000\r\n\r\n`,
  trailers: `${ok}${chunks}3\r\nabc\r\n0\r\nx: y\r\nz: w\r\n\r\n`,
  'trailers that look like a head': `${ok}${chunks}3\r\nabc\r\n0\r\ntransfer-encoding: chunked\r\n\r\n`,
  'early hints before it': `HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${ok}${three}`,
  'a length in what comes before it': `HTTP/1.1 102 Processing\r\ncontent-length: 3\r\n\r\n${ok}${three}`,
  'bytes above ASCII in a value': `${ok}x: \xe9\xff\r\n${three}`,
  'an empty value': `${ok}x:\r\n${three}`,
  'no reason': `HTTP/1.1 200\r\n${three}`,
  'an empty reason': `HTTP/1.1 200 \r\n${three}`,
  'bytes above ASCII in the reason': `HTTP/1.1 200 \xe9\r\n${three}`,
  'a control character in the reason': `HTTP/1.1 200 a\x01\r\n${three}`,
  'nearly too much of a head': `${ok}x: ${'a'.repeat(16_000)}\r\n${three}`,
  'an upgrade that nobody requested, offered': `${ok}connection: upgrade\r\nupgrade: h2c\r\n${three}`,
  'HTTP/1.0 that keeps the connection': `HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n${three}`,
}

/** The body is abc, and nothing else can follow it. */
const closed = {
  'neither length nor chunks': `${ok}\r\nabc`,
  'HTTP/1.0': 'HTTP/1.0 200 OK\r\n\r\nabc',
  'HTTP/1.0 with a length': `HTTP/1.0 200 OK\r\n${three}`,
  'HTTP/1.0 with chunks': `HTTP/1.0 200 OK\r\n${chunks}3\r\nabc\r\n0\r\n\r\n`,
  'the connection’s end announced': `${ok}Connection: Close\r\n${three}`,
  'the connection’s end announced in a list': `${ok}connection: foo\r\nconnection: keep-alive , close\r\n${three}`,
  'bytes after it': `${ok}${three}more`,
  'another answer after it': `${ok}${three}${ok}content-length: 3\r\n\r\nxyz`,
  'an empty line after it': `${ok}${three}\r\n`,
}

const incomplete = {
  nothing: '',
  'a part of the first line': 'HTTP/1.1 20',
  'a part of the head': `${ok}content-length: 3\r\n`,
  'less than announced': `${ok}content-length: 5\r\n\r\nabc`,
  'a chunk cut short': `${ok}${chunks}5\r\nabc`,
  'no last chunk': `${ok}${chunks}3\r\nabc\r\n`,
  'no end after the last chunk': `${ok}${chunks}3\r\nabc\r\n0\r\n`,
}

const refused = {
  'length and chunks': `${ok}content-length: 3\r\n${chunks}3\r\nabc\r\n0\r\n\r\n`,
  'chunks and length': `${ok}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  'the same length twice': `${ok}content-length: 3\r\n${three}`,
  'two lengths': `${ok}content-length: 4\r\n${three}`,
  'a list of lengths': `${ok}content-length: 3, 3\r\n\r\nabc`,
  'a length with a sign': `${ok}content-length: +3\r\n\r\nabc`,
  'a negative length': `${ok}content-length: -3\r\n\r\nabc`,
  'a hexadecimal length': `${ok}content-length: 0x3\r\n\r\nabc`,
  'an empty length': `${ok}content-length: \r\n\r\nabc`,
  'a length of two words': `${ok}content-length: 3 3\r\n\r\nabc`,
  'a length beyond all numbers': `${ok}content-length: 99999999999999999999999\r\n\r\nabc`,
  'a no-break space after the length': `${ok}content-length: 3\xa0\r\n\r\nabc`,
  'a folded value': `${ok}x: a\r\n b\r\n${three}`,
  'a folded length': `${ok}content-length:\r\n 3\r\n\r\nabc`,
  'a first header that begins with a blank': `${ok} x: a\r\n${three}`,
  'a control character in a value': `${ok}x: a\x7fb\r\n${three}`,
  'a zero byte in a value': `${ok}x: a\0b\r\n${three}`,
  'a blank before the colon': `${ok}content-length : 3\r\n\r\nabc`,
  'no name': `${ok}: 3\r\n${three}`,
  'a name of two words': `${ok}a b: 3\r\n${three}`,
  'bytes above ASCII in a name': `${ok}\xe9: 3\r\n${three}`,
  'no colon': `${ok}abc\r\n${three}`,
  'lines that end with a line feed alone': 'HTTP/1.1 200 OK\ncontent-length: 3\n\nabc',
  'one line that ends with a line feed alone': `${ok}x: y\n${three}`,
  'a line feed alone as the last line': `${ok}content-length: 3\r\n\nabc`,
  'lines that end with a carriage return alone': 'HTTP/1.1 200 OK\rcontent-length: 3\r\rabc',
  'a carriage return too many': `${ok}content-length: 3\r\r\n\r\nabc`,
  'a carriage return in the reason': `HTTP/1.1 200 a\rb\r\n${three}`,
  'two blanks before the status': `HTTP/1.1  200 OK\r\n${three}`,
  'a status of two digits': `HTTP/1.1 99 OK\r\n${three}`,
  'a status of four digits': `HTTP/1.1 1000 OK\r\n${three}`,
  'a status that begins with zero': `HTTP/1.1 099 OK\r\n${three}`,
  'HTTP/1.2': `HTTP/1.2 200 OK\r\n${three}`,
  'http in small letters': `http/1.1 200 OK\r\n${three}`,
  'another protocol': 'ICY 200 OK\r\n\r\nabc',
  'a switch of protocol': 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
  'a coding with a control character': `${ok}transfer-encoding: \x0bchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  'chunks whose lines end with a line feed alone': `${ok}${chunks}3\nabc\n0\n\n`,
  'a line feed in a chunk’s extension': `${ok}${chunks}3;a\nb\r\nabc\r\n0\r\n\r\n`,
  'a chunk shorter than its data': `${ok}${chunks}2\r\nabc\r\n0\r\n\r\n`,
  'a chunk without its end': `${ok}${chunks}3\r\nabc0\r\n\r\n`,
  'a negative chunk': `${ok}${chunks}-3\r\nabc\r\n0\r\n\r\n`,
  'a chunk’s size with 0x': `${ok}${chunks}0x3\r\nabc\r\n0\r\n\r\n`,
  'no size of a chunk': `${ok}${chunks}\r\nabc\r\n0\r\n\r\n`,
  'a blank before a chunk’s size': `${ok}${chunks} 3\r\nabc\r\n0\r\n\r\n`,
  'a chunk beyond all numbers': `${ok}${chunks}ffffffffffffffffff\r\nabc`,
  'a chunk that no memory holds': `${ok}${chunks}fffffffffffff\r\nabc`,
  'a trailer without a colon': `${ok}${chunks}3\r\nabc\r\n0\r\nxy\r\n\r\n`,
  'too much of a head': `${ok}x: ${'a'.repeat(17_000)}\r\n${three}`,
}

/** Sends this to each request, and ends the connection then if so. */
function responding(bytes: string | Buffer, isEnded: boolean) {
  return tcpServer((socket: Socket) =>
    socket.on('data', () => {
      socket.write(Buffer.from(bytes as string, 'latin1'))
      if (isEnded) socket.end()
    }),
  )
}

/** What two fetches bring, one after the other: a body, or the code of a failure in brackets. */
async function fetchTwice(url: string): Promise<readonly string[]> {
  const fetcher = createFetcher({ clock: systemClock, maxBodyBytes: 64 * 1024, verifyTls: false })
  const once = () =>
    fetcher.fetch(url, { timeoutMs: 60_000 }).then(
      ({ body }) => Buffer.from(body).toString('latin1'),
      ({ code }) => `(${code})`,
    )
  const results = [await once(), await once()]
  await fetcher.close()
  return results
}

describe.concurrent('taken, and the connection kept, is', () => {
  test.each(Object.entries(kept))('%s', async (_, bytes) => {
    await using server = await responding(bytes, false)
    expect(await fetchTwice(server.url)).toEqual(['abc', 'abc'])
    expect(server.connections()).toBe(1)
  })
})

describe.concurrent('taken, and the connection closed, is', () => {
  test.each(Object.entries(closed))('%s', async (_, bytes) => {
    await using server = await responding(bytes, true)
    expect(await fetchTwice(server.url)).toEqual(['abc', 'abc'])
    expect(server.connections()).toBe(2)
  })
})

describe.concurrent('refused is', () => {
  test.each([...Object.entries(incomplete), ...Object.entries(refused)])('%s', async (_, bytes) => {
    await using server = await responding(bytes, true)
    for (const result of await fetchTwice(server.url)) expect(result).toMatch(/^\((protocol|reset)\)$/)
  })
})

test.each(['204', '304'])(
  'of a body that %s may not have nothing is taken for the next response',
  async (status) => {
    await using server = await responding(`HTTP/1.1 ${status} No\r\n${three}`, false)
    expect(await fetchTwice(server.url)).toEqual(['(http_status)', '(http_status)'])
    expect(server.connections()).toBe(2)
  },
)

test('whatever is damaged in a response, it is a body or a failure of the container', async () => {
  const random = seeded(20_261_121)
  const all = Object.values({ ...kept, ...closed }).filter(({ length }) => length < 1000)
  const results: string[] = []
  for (let n = 0; n < 20; n += 1)
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const { bytes } = damaged(Buffer.from(random.one(all), 'latin1'), random)
        await using server = await responding(bytes, true)
        results.push(...(await fetchTwice(server.url)))
      }),
    )
  expect(
    results.filter((result) => /^\((?!protocol|reset|http_status|redirect|too_large)/.test(result)),
  ).toEqual([])
  expect(results.filter((result) => !result.startsWith('(')).length).toBeGreaterThan(20)
})
