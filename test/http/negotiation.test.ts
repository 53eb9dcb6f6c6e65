import { describe, expect, test } from 'vitest'
import { acceptsGzip, hasVersion, prefersJson, rangesOf } from '../../src/http/negotiation.ts'

test.each<[string | string[] | undefined, boolean]>([
  [undefined, false],
  ['', false],
  ['gzip', true],
  ['GZip', true],
  ['x-gzip', true],
  ['br, gzip', true],
  ['deflate,gzip;q=0.5', true],
  [['br', 'gzip'], true],
  ['*', true],
  ['*;q=0.1', true],
  ['identity;q=0, *', true],
  ['gzip;q=1.0, identity; q=0.5, *;q=0', true],
  ['gzip;q=0.5, identity;q=0.5', true],
  ['gzip;q=0', false],
  ['gzip;q=0.0', false],
  ['gzip;q=0.000', false],
  ['gzip ; Q = 0', false],
  ['br, gzip;q=0', false],
  ['gzip;q=0, *', false],
  ['*, gzip;q=0', false],
  ['*;q=0', false],
  ['identity', false],
  ['identity;q=0', false],
  ['gzip;q=0.2, identity', false],
  ['*;q=0.2, identity;q=0.3', false],
  ['gzip;q=nonsense', false],
  ['gzip;q=7', false],
  ['gzipped', false],
  ['not-gzip', false],
  ['br;x="gzip"', false],
])('Accept-Encoding %j accepts gzip: %s', (header, expected) => {
  expect(acceptsGzip(header)).toBe(expected)
})

test.each([
  [undefined, false],
  ['*/*', false],
  ['application/json', true],
  ['application/json, */*', true],
  ['text/html, application/json;q=0.9', false],
  ['text/html;q=0.5, Application/JSON', true],
  ['application/json;q=0', false],
])('Accept: %s prefers JSON: %s', (accept, expected) => {
  expect(prefersJson(accept)).toBe(expected)
})

describe('a header', () => {
  const read = (header: string) =>
    rangesOf(header).map(({ name, parameters, quality }) => [name, Object.fromEntries(parameters), quality])

  test.each([
    ['', []],
    [' , ,', []],
    ['Text/Plain; Version=0.0.4;q=0.5', [['text/plain', { version: '0.0.4' }, 0.5]]],
    [
      'a/b;v="1,2;q=0", */*;q=.1',
      [
        ['a/b', { v: '1,2;q=0' }, 1],
        ['*/*', {}, 0.1],
      ],
    ],
    ['a/b;v="open, c/d', [['a/b', { v: '"open, c/d' }, 1]]],
    ['a/b;flag;=x', [['a/b', { flag: '', '': 'x' }, 1]]],
    ['a/b;q=-1', [['a/b', {}, 0]]],
    ['a/b;__proto__=x;q=1', [['a/b', JSON.parse('{"__proto__":"x"}'), 1]]],
  ])('%s', (header, expected) => {
    expect(read(header)).toEqual(expected)
  })

  test('is parsed in time proportional to its length', () => {
    const time = (text: string) => {
      const before = process.threadCpuUsage().user
      for (let n = 0; n < 20; n += 1) rangesOf(text)
      return process.threadCpuUsage().user - before
    }
    for (const part of ['"', '",', ';', '\\"', 'a,', '"\\']) {
      time(part.repeat(2000))
      expect(time(part.repeat(16_000)), part).toBeLessThan(100 * Math.max(500, time(part.repeat(2000))))
    }
  })
})

test.each([
  [undefined, '"a"', false],
  ['"a"', '"a"', true],
  ['W/"a"', '"a"', true],
  ['"a"', 'W/"a"', true],
  ['"b", W/"a"', 'W/"a"', true],
  ['*', '"a"', true],
  ['"ab"', '"a"', false],
  ['a', '"a"', false],
  ['"x,"a""', '"a"', false],
])('If-None-Match %s has %s: %s', (header, etag, expected) => {
  expect(hasVersion(header, etag)).toBe(expected)
})
