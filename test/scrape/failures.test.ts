import { expect, test } from 'vitest'
import { ProxyError } from '../../src/errors.ts'
import { durationText, printable, scrapeErrorOf, sizeText, timeoutError } from '../../src/scrape/failures.ts'

test.each([
  [250, '250 ms'],
  [999.6, '1000 ms'],
  [1000, '1 s'],
  [9900, '9.9 s'],
  [60_000, '60 s'],
])('%d ms is %s', (ms, words) => {
  expect(durationText(ms)).toBe(words)
})

test.each([
  [2048, '2 KiB'],
  [16 * 2 ** 20, '16 MiB'],
  [1.5 * 2 ** 20, '1.5 MiB'],
])('%d bytes are %s', (bytes, words) => {
  expect(sizeText(bytes)).toBe(words)
})

test('text from a container is made printable and short', () => {
  expect(printable('a\u001b[31mb\nc')).toBe('a\ufffd[31mb\ufffdc')
  expect(printable('x'.repeat(500), 10)).toBe('xxxxxxxxxx…')
})

test.each([
  ['ECONNREFUSED', 'connection_refused'],
  ['ECONNRESET', 'reset'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENOTFOUND', 'unreachable'],
  ['ETIMEDOUT', 'timeout'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'tls'],
  ['CERT_HAS_EXPIRED', 'tls'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
  ['EPROTO', 'tls'],
  ['UND_ERR_SOCKET', 'reset'],
  ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
  ['UND_ERR_HEADERS_OVERFLOW', 'protocol'],
  ['ERR_ASSERTION', 'protocol'],
  ['ESOMETHINGELSE', 'internal'],
])('%s is %s', (code, ours) => {
  const thrown = Object.assign(new Error('of the system'), { code })
  expect(scrapeErrorOf(thrown)).toMatchObject({ code: ours, cause: thrown })
})

test('ours stays ours', () => {
  const own = timeoutError(9900)
  expect(scrapeErrorOf(own)).toBe(own)
  expect(own).toEqual(new ProxyError('timeout', 'no answer within 9.9 s'))
})
