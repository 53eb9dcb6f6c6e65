import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { inspect } from '../../src/exposition/inspect.ts'
import { createByteBudget } from '../../src/runtime/byte-budget.ts'
import type { Fetched } from '../../src/scrape/fetch.ts'
import { createRead } from '../../src/scrape/read.ts'
import { bodyOf } from '../../src/sync/codec.ts'

const maxBodyBytes = 4 * 2 ** 20
const limits = { maxSeries: 100_000, maxLineBytes: 10_000 }
const bytes = (text: string) => Buffer.from(text)
const plain = (text: string): Fetched => ({ body: bytes(text), gzip: false, contentType: 'text/plain' })
const packed = (text: string): Fetched => ({ body: gzipSync(text), gzip: true, contentType: 'text/plain' })

/** A reader of these responses, one after the other. */
function reading(...fetched: readonly Fetched[]) {
  const queue = [...fetched]
  const read = createRead({
    fetch: async () => queue.shift()!,
    inspect: (body, contentType) => inspect(body, contentType, limits),
    maxBodyBytes,
    clock: systemClock,
    budget: createByteBudget(systemClock, 3 * maxBodyBytes),
  })
  return { read: () => read('http://c/metrics', { timeoutMs: 1000 }) }
}

describe('a page', () => {
  test('is the container’s own text', async () => {
    const { page } = await reading(plain('# HELP a b\na 1\na{b="c"} 2')).read()
    expect(page).toMatchObject({ format: 'text/0.0.4', series: 2, size: 25 })
    expect(Buffer.from(bodyOf(page)).toString()).toBe('# HELP a b\na 1\na{b="c"} 2')
    expect(page.content.kind).toBe('plain')
  })

  test.each([
    ['small', 'a 1\n'],
    ['large', 'a_rather_long_name_of_a_metric 1\n'.repeat(60_000)],
  ])('that came as gzip is unpacked, and the gzip kept: %s', async (_, text) => {
    const fetched = packed(text)
    const reader = reading(fetched)
    const { page, unpacked } = await reader.read()
    expect(page.size).toBe(text.length)
    expect(Buffer.from(unpacked!).toString()).toBe(text)
    expect(Buffer.from(bodyOf(page)).toString()).toBe(text)
    expect(page.content).toEqual({ kind: 'gzip', bytes: fetched.body })
  })

  test('that came as gzip has its own text, also where others came at the same time', async () => {
    const texts = Array.from({ length: 9 }, (_, n) => `a ${n}\nb ${10 ** n}\n`)
    const { read } = reading(...texts.map(packed))
    const readings = await Promise.all(texts.map(() => read()))
    expect(readings.map(({ page }) => Buffer.from(bodyOf(page)).toString())).toEqual(texts)
    expect(readings.map(({ page }) => page.size)).toEqual(texts.map(({ length }) => length))
  })

  test('keeps its own text after a response without metrics', async () => {
    const { read } = reading(packed('a 1\n'), packed('<p>'))
    const { page } = await read()
    await expect(read()).rejects.toThrow('HTML')
    expect(Buffer.from(bodyOf(page)).toString()).toBe('a 1\n')
    expect(Buffer.from(bodyOf(page)).toString()).toBe('a 1\n')
  })

  test('that had to be fixed is served fixed, without the container’s gzip', async () => {
    const { page, unpacked } = await reading(packed('a 1\r\nb 2\r\n')).read()
    expect(Buffer.from(bodyOf(page)).toString()).toBe('a 1\nb 2\n')
    expect(page.content.kind).toBe('plain')
    expect(unpacked).toBeUndefined()
  })
})

describe('a body without metrics is refused as', () => {
  test.each([
    ['HTML', '<!DOCTYPE html>\n<html>'],
    ['HTML', '\n\n  <html>'],
    ['HTML', '\ufeff<html>'],
  ])('%s', async (_, text) => {
    await expect(reading(plain(text)).read()).rejects.toMatchObject({
      code: 'invalid',
      message: 'answered HTML, not metrics',
    })
  })

  test('invalid, with line and column', async () => {
    await expect(reading(plain('a 1\nb{c="d} 1\n')).read()).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(/^answered no valid metrics: line 2, column \d+: /),
    })
  })
})
