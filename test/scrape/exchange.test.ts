import { describe, expect, test } from 'vitest'
import { Collector } from '../../src/scrape/exchange.ts'
import type { Extent } from '../../src/scrape/http/head.ts'
import { NeedsMemory } from '../../src/scrape/memory.ts'

const most = 2 ** 20

function collecting(body: Extent, { status = 200, budget = 10 * most } = {}) {
  let used = 0
  const collector = new Collector(most, (bytes) => {
    used += bytes
    if (used > budget) throw new NeedsMemory()
  })
  const nothing = {
    contentType: undefined,
    contentEncoding: undefined,
    location: undefined,
    keptFor: undefined,
  }
  collector.head({ ...nothing, status, body, kept: true })
  return { collector, used: () => used }
}

describe('a page', () => {
  test.each<[string, Extent, number]>([
    ['of an announced length', 200_000, 1000],
    ['of an announced length, byte by byte', 30_000, 1],
    ['in chunks, byte by byte', 'chunked', 1],
    ['in chunks of all sizes', 'chunked', 777],
    ['until the connection ends', 'until closed', 64 * 1024],
  ])('%s is whole, in no more memory than it needs', async (_, extent, step) => {
    const sent = Buffer.from(Array.from({ length: extent === 200_000 ? extent : 30_000 }, (_, n) => n % 251))
    const { collector } = collecting(extent)
    const shared = Buffer.alloc(64 * 1024)
    for (let at = 0; at < sent.length; at += step) {
      const length = sent.copy(shared, 0, at, at + step)
      collector.body(shared.subarray(0, length))
    }
    collector.done()
    const { body } = await collector.received
    expect(Buffer.compare(body, sent)).toBe(0)
    expect(body.buffer.byteLength).toBe(sent.length)
  })

  test('byte by byte costs no more than its size allows', async () => {
    const { collector } = collecting('chunked')
    const byte = Buffer.from('a')
    const before = process.threadCpuUsage().user
    for (let n = 0; n < 500_000; n += 1) collector.body(byte)
    expect(process.threadCpuUsage().user - before).toBeLessThan(2_000_000)
  })

  test('may be empty', async () => {
    const { collector } = collecting(0)
    collector.done()
    expect((await collector.received).body).toHaveLength(0)
  })

  test('that is announced takes no memory before it comes', () => {
    const { collector, used } = collecting(most, { budget: most / 2 })
    collector.body(Buffer.alloc(1000))
    expect(used()).toBeLessThanOrEqual(64 * 1024)
  })

  test('ends where it may not have the memory that it needs', () => {
    const { collector } = collecting('chunked', { budget: most / 2 })
    const receive = () => {
      for (let n = 0; n < 600; n += 1) collector.body(Buffer.alloc(1024))
    }
    expect(receive).toThrow(NeedsMemory)
  })

  test('larger than is read is refused, announced or not', () => {
    expect(() => collecting(most + 1)).toThrow('sent more than 1 MiB')
    const { collector } = collecting('until closed')
    collector.body(Buffer.alloc(most))
    expect(() => collector.body(Buffer.alloc(1))).toThrow('sent more than 1 MiB')
  })
})

describe('an error page', () => {
  test('is read and dropped', async () => {
    const { collector } = collecting(3, { status: 500 })
    collector.body(Buffer.from('abc'))
    collector.done()
    expect(await collector.received).toMatchObject({ head: { status: 500 }, body: { length: 0 } })
  })

  test('isn’t read for ever', () => {
    const { collector } = collecting('until closed', { status: 500 })
    collector.body(Buffer.alloc(64 * 1024))
    expect(() => collector.body(Buffer.alloc(1))).toThrow('answered 500')
  })
})
