import { describe, expect, test } from 'vitest'
import { Collector } from '../../src/scrape/exchange.ts'
import { NeedsMemory } from '../../src/scrape/memory.ts'

const most = 2 ** 20

/** A response has begun; `length` is what it announces, if anything. */
function collecting(length: number | undefined, { status = 200, budget = 10 * most } = {}) {
  let used = 0
  const collector = new Collector(most, (bytes) => {
    used += bytes
    if (used > budget) throw new NeedsMemory()
  })
  collector.onResponseStart(undefined, status, length === undefined ? {} : { 'content-length': `${length}` })
  const receive = (chunk: Uint8Array) => collector.onResponseData(undefined, chunk)
  return { collector, receive, used: () => used }
}

describe('a page', () => {
  test.each<[string, number | undefined, number]>([
    ['of an announced length', 200_000, 1000],
    ['of an announced length, byte by byte', 30_000, 1],
    ['in chunks, byte by byte', undefined, 1],
    ['in chunks of all sizes', undefined, 777],
    ['until the connection ends', undefined, 64 * 1024],
  ])('%s is whole, in no more memory than it needs', async (_, length, step) => {
    const sent = Buffer.from(Array.from({ length: length === 200_000 ? length : 30_000 }, (_, n) => n % 251))
    const { collector, receive } = collecting(length)
    for (let at = 0; at < sent.length; at += step) receive(sent.subarray(at, at + step))
    collector.onResponseEnd()
    const { body } = await collector.response
    expect(Buffer.compare(body, sent)).toBe(0)
    expect(body.buffer.byteLength).toBe(sent.length)
  })

  test('byte by byte costs no more than its size allows', async () => {
    const { receive } = collecting(undefined)
    const byte = Buffer.from('a')
    const before = process.threadCpuUsage().user
    for (let n = 0; n < 500_000; n += 1) receive(byte)
    expect(process.threadCpuUsage().user - before).toBeLessThan(2_000_000)
  })

  test('may be empty', async () => {
    const { collector } = collecting(0)
    collector.onResponseEnd()
    expect((await collector.response).body).toHaveLength(0)
  })

  test('that is announced takes no memory before it comes', () => {
    const { receive, used } = collecting(most, { budget: most / 2 })
    receive(Buffer.alloc(1000))
    expect(used()).toBeLessThanOrEqual(64 * 1024)
  })

  test('ends where it may not have the memory that it needs', () => {
    const { receive } = collecting(undefined, { budget: most / 2 })
    const receiveAll = () => {
      for (let n = 0; n < 600; n += 1) receive(Buffer.alloc(1024))
    }
    expect(receiveAll).toThrow(NeedsMemory)
  })

  test('larger than is read is refused, announced or not', () => {
    expect(() => collecting(most + 1)).toThrow('sent more than 1 MiB')
    const { receive } = collecting(undefined)
    receive(Buffer.alloc(most))
    expect(() => receive(Buffer.alloc(1))).toThrow('sent more than 1 MiB')
  })
})

describe('an error page', () => {
  test('is read and dropped', async () => {
    const { collector, receive } = collecting(3, { status: 500 })
    receive(Buffer.from('abc'))
    collector.onResponseEnd()
    expect(await collector.response).toMatchObject({ status: 500, body: { length: 0 } })
  })

  test('isn’t read for ever', () => {
    const { receive } = collecting(undefined, { status: 500 })
    receive(Buffer.alloc(64 * 1024))
    expect(() => receive(Buffer.alloc(1))).toThrow('answered 500')
  })
})
