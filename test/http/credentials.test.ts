import { expect, test } from 'vitest'
import { redact, splitCredentials } from '../../src/http/credentials.ts'

const pairOf = (text: string) => {
  const { url, authorization } = splitCredentials(new URL(text))
  expect(url.href).not.toContain('@')
  return Buffer.from(authorization?.replace('Basic ', '') ?? '', 'base64').toString()
}

test.each([
  ['http://user:pass@h:1/metrics', 'user:pass'],
  ['http://user@h/', 'user:'],
  ['http://:pass@h/', ':pass'],
  ['http://us%40er:p%3Aa%2Fss%25@h/', 'us@er:p:a/ss%'],
  ['http://ü:é漢@h/', 'ü:é漢'],
  ['http://u:%C3%A9@h/', 'u:é'],
  ['http://u:100%@h/', 'u:100%'],
  ['http://u:p@ss@h/', 'u:p@ss'],
])('%s sends %s', (url, pair) => {
  expect(pairOf(url)).toBe(pair)
})

test('a byte that is no UTF-8 is sent as it is', () => {
  const { authorization } = splitCredentials(new URL('http://u:%E9@h/'))
  expect(authorization).toBe(`Basic ${Buffer.from([0x75, 0x3a, 0xe9]).toString('base64')}`)
})

test('a URL without credentials sends none', () => {
  expect(splitCredentials(new URL('http://h/a@b'))).toEqual({ url: new URL('http://h/a@b') })
})

test.each([
  ['http://user:secret@h:1/metrics', 'http://(hidden)@h:1/metrics'],
  ['tcp://user:secret@h:2375', 'tcp://(hidden)@h:2375'],
  ['x=http://u:secret@h/ y=https://v:secret@i/', 'x=http://(hidden)@h/ y=https://(hidden)@i/'],
  ['x=http://u:secret@h/,y=http://i/', 'x=http://(hidden)@h/,y=http://i/'],
  ['x=http://u:a secret@h/', 'x=http://(hidden)@h/'],
  ['x=http://u:a/secret,b@h:99999/', 'x=http://(hidden)@h:99999/'],
  ['http://u:secret@secret@h/', 'http://(hidden)@h/'],
  ['http://u:my://secret@h/', 'http://(hidden)@h/'],
  ['user:secret@h:2140', '(hidden)@h:2140'],
  ['user:a secret@h:2140', '(hidden)@h:2140'],
  ['http://h:1/metrics', 'http://h:1/metrics'],
  ['10', '10'],
])('%s is shown as %s', (given, shown) => {
  expect(redact(given)).toBe(shown)
})

test('redacting takes time proportional to the length of the text', () => {
  const time = (length: number) => {
    const text = 'a.'.repeat(length)
    const before = process.threadCpuUsage().user
    for (let n = 0; n < 20; n += 1) redact(text)
    return process.threadCpuUsage().user - before
  }
  time(50_000)
  expect(time(400_000)).toBeLessThan(40 * time(50_000))
})
