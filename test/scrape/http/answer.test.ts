import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { answers } from './answers.ts'
import { verdictOn } from './reading.ts'

describe('an answer with', () => {
  test.each(answers.map(({ what, ...rest }) => [what, rest] as const))('%s', (_, { bytes, verdict }) => {
    expect(verdictOn([Buffer.from(bytes, 'latin1')])).toEqual(verdict)
  })
})

test.each(
  answers.filter(({ bytes }) => bytes.length < 1000).map(({ what, ...rest }) => [what, rest] as const),
)('%s: the same wherever it is cut in two, and byte by byte', (_, { bytes, verdict }) => {
  const whole = Buffer.from(bytes, 'latin1')
  for (let at = 0; at <= whole.length; at += 1)
    expect(verdictOn([whole.subarray(0, at), whole.subarray(at)])).toEqual(verdict)
  expect(verdictOn(cut(whole, [1]))).toEqual(verdict)
})

test('however it is cut, an answer is the same', () => {
  const size = fc.integer({ min: 1, max: 700 })
  fc.assert(
    fc.property(
      fc.constantFrom(...answers),
      fc.array(size, { minLength: 1 }),
      ({ bytes, verdict }, sizes) => {
        expect(verdictOn(cut(Buffer.from(bytes, 'latin1'), sizes))).toEqual(verdict)
      },
    ),
    { numRuns: 500 },
  )
})

test('a body of any bytes in any chunks is what was sent', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 })),
      fc.array(fc.nat(400)),
      (parts, sizes) => {
        const chunks = parts.flatMap((part) => [`${part.length.toString(16)}\r\n`, part, '\r\n'])
        const sent = Buffer.concat(
          ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', ...chunks, '0\r\n\r\n'].map((part) =>
            Buffer.from(part),
          ),
        )
        const body = Buffer.concat(parts).toString('latin1')
        expect(verdictOn(cut(sent, [...sizes, 400]))).toEqual({ status: 200, body, kept: true })
      },
    ),
  )
})

test('only what is complete is an answer, wherever the container hangs up', () => {
  for (const { bytes, verdict } of answers) {
    if (typeof verdict === 'string' || !verdict.kept) continue
    for (let length = Math.max(0, bytes.length - 300); length < bytes.length; length += 1)
      expect(verdictOn([Buffer.from(bytes.slice(0, length), 'latin1')])).toBe('incomplete')
  }
})

test.each([
  ['a head', 'HTTP/1.1 200 OK\r\nx: ', 'x'],
  ['headers', 'HTTP/1.1 200 OK\r\n', 'x: y\r\n'],
  ['trailers', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n', 'x: y\r\n'],
  ['a chunk’s extension', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;', 'x'],
])('%s without end is refused before it is large', (_, begin, more) => {
  const chunk = Buffer.from(more.repeat(100))
  const chunks = [
    Buffer.from(begin),
    ...Array.from({ length: Math.ceil(17_000 / chunk.length) }, () => chunk),
  ]
  expect(verdictOn(chunks)).toBe('refused')
})

test.each(['SSH-2.0-OpenSSH_9.2\r\n', '\x15\x03\x01', 'HTTP/2', '<', '\r\n'])(
  'what begins with %j is no HTTP, without waiting for more',
  (bytes) => {
    expect(verdictOn([Buffer.from(bytes, 'latin1')])).toBe('refused')
  },
)

test.each([
  ['blanks', 'x:', ' '],
  ['tabs', 'x:', '\t'],
  ['zeros of a size', 'transfer-encoding: chunked\r\n\r\n', '0'],
  ['commas', 'connection:', ','],
])('thousands of %s take no time', (_, begin, one) => {
  const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${begin}${one.repeat(16_000)}\x01\r\n\r\n`)
  const before = process.threadCpuUsage().user
  for (let n = 0; n < 20; n += 1) expect(verdictOn([bytes])).toBe('refused')
  expect(process.threadCpuUsage().user - before).toBeLessThan(1_000_000)
})

/** Into pieces of these sizes, over and over; a size of nothing counts as one. */
function cut(bytes: Buffer, sizes: readonly number[]): readonly Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, n = 0; at < bytes.length; n += 1) {
    const size = Math.max(1, sizes[n % sizes.length]!)
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}
