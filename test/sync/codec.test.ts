// What bodies cost on the wire, that they come out as they were, and that nothing unpacks to more than was announced.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProxyError } from '../../src/errors.ts'
import { merge } from '../../src/exposition/merge.ts'
import type { MetricsPage, ZstdFrame } from '../../src/model.ts'
import { plainPage } from '../../src/model.ts'
import {
  bodyOf,
  bodyOfAsync,
  isSmall,
  pack,
  packAsync,
  ready,
  unpack,
  unpackAsync,
} from '../../src/sync/codec.ts'
import { nodePage } from '../../tools/bench/page.ts'
import { toProtobuf } from '../exposition/pages.ts'

const about = { format: 'text/0.0.4', series: 1, remarks: [] } as const
const pageOf = (frames: readonly ZstdFrame[]) => ({
  ...plainPage(new Uint8Array(frames.at(-1)!.size), about),
  content: { kind: 'zstd' as const, frames },
})

describe('what is packed', () => {
  test('comes out as it was, in full and after any other body', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 500 }), { minLength: 1, maxLength: 5 }), (bodies) => {
        const frames = bodies.map((body, at) => pack(body, bodies[at - 1]))
        expect(Buffer.from(unpack(frames))).toEqual(Buffer.from(bodies.at(-1)!))
      }),
    )
  })

  test('comes out as it was beside the event loop too', async () => {
    const [first, second] = [randomBytes(2 ** 21), randomBytes(2 ** 20)]
    const frames = [await packAsync(first), await packAsync(second, first)]
    expect(Buffer.compare(await unpackAsync(frames), second)).toBe(0)
    expect(isSmall(pageOf(frames))).toBe(false)
    expect(Buffer.compare(await bodyOfAsync(pageOf(frames)), second)).toBe(0)
  })

  test('is a body of any form', async () => {
    const body = Buffer.from('a 1\n')
    for (const bytes of [body, Buffer.alloc(0)])
      for (const content of [
        { kind: 'plain', bytes },
        { kind: 'gzip', bytes: gzipSync(bytes) },
        { kind: 'zstd', frames: [pack(bytes)] },
      ] as const) {
        const page = { ...plainPage(bytes, about), content }
        expect(Buffer.from(bodyOf(page))).toEqual(bytes)
        expect(Buffer.from(await bodyOfAsync(page))).toEqual(bytes)
      }
  })
})

describe('a page like node_exporter’s', () => {
  test('of 62 KB costs at most 2.5 % of its text on the wire', () => {
    const [before, now] = [1, 2].map((round) => Buffer.from(nodePage(round)))
    expect(pack(now!, before).bytes.length).toBeLessThanOrEqual(now!.length * 0.022)
  })

  test('in protobuf costs at most 2.5 % of the same content’s text', () => {
    const texts = [1, 2].map((round) => Buffer.from(nodePage(round)))
    const [before, now] = texts.map(
      (body) => merge([{ page: { format: 'text/0.0.4', body } }], toProtobuf).body,
    )
    expect(pack(now!, before).bytes.length).toBeLessThanOrEqual(texts[1]!.length * 0.022)
  })

  test('of 5 MB with a fifth of it changed costs at most 6 %', async () => {
    const [before, now] = [1, 2].map((round) => Buffer.from(nodePage(round, 5e6)))
    const { bytes } = await packAsync(now!, before)
    expect(bytes.length).toBeLessThanOrEqual(now!.length * 0.06)
  })

  test('that hasn’t changed costs next to nothing', () => {
    const body = gunzipSync(readFileSync('test/fixtures/exporters/node.text.gz'))
    expect(pack(body, body).bytes.length).toBeLessThan(100)
  })
})

describe('what does not unpack to what was announced is refused', () => {
  const refused = (frames: readonly ZstdFrame[]) => {
    const thrown = (() => {
      try {
        unpack(frames)
      } catch (error) {
        return error
      }
      return undefined
    })()
    expect(thrown).toBeInstanceOf(ProxyError)
    expect(thrown).toMatchObject({ code: 'protocol' })
  }
  const body = Buffer.from(nodePage(1))
  const next = Buffer.from(nodePage(2))

  test('a bomb, before it fills memory', async () => {
    const bomb = pack(Buffer.alloc(200_000_000))
    expect(bomb.bytes.length).toBeLessThan(22_000)
    const before = process.memoryUsage.rss()
    refused([{ ...bomb, size: 1000 }])
    await expect(unpackAsync([{ ...bomb, size: 1000 }])).rejects.toMatchObject({ code: 'protocol' })
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000)
  })

  test('a frame that wants a larger window than its size needs', () => {
    // the header of a frame with a window of 128 MiB, and an empty last block
    const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 0x01, 0x00, 0x00])
    refused([{ size: 1, bytes: header }])
  })

  test('less, more, something else, a part, or bytes after the end', () => {
    const frame = pack(body)
    refused([{ ...frame, size: body.length - 1 }])
    refused([{ ...frame, size: body.length + 1 }])
    refused([{ size: 3, bytes: Buffer.from('abc') }])
    refused([{ ...frame, bytes: frame.bytes.subarray(0, -5) }])
    refused([{ size: 2 * body.length - 1, bytes: Buffer.concat([frame.bytes, frame.bytes]) }])
  })

  test('what builds on another body', () => {
    refused([pack(next), pack(next, body)])
    refused([pack(next, body)])
  })

  test('what lacks a part, with bits changed anywhere', () => {
    const frame = pack(next, body)
    for (let at = 0; at < frame.bytes.length; at += 37) {
      const bytes = frame.bytes.with(at, frame.bytes[at]! ^ 1)
      try {
        expect(Buffer.compare(unpack([pack(body), { ...frame, bytes }]), next)).toBe(0)
      } catch (error) {
        expect(error).toMatchObject({ code: 'protocol' })
      }
    }
  })

  test('what zstd packs for others is taken as well', () => {
    const bytes = zstdCompressSync(body)
    expect(Buffer.from(unpack([{ size: body.length, bytes }]))).toEqual(body)
  })
})

test('a large page that came as gzip is unpacked off the event loop, a small one stays as it is', async () => {
  const gzipped = (body: Buffer): MetricsPage => ({
    ...plainPage(body, { format: 'text/0.0.4', series: 1, remarks: [] }),
    content: { kind: 'gzip', bytes: gzipSync(body) },
  })
  const body = Buffer.from('x 1\n'.repeat(300_000))
  const large = ready(gzipped(body))
  expect(large).toBeInstanceOf(Promise)
  expect((await large).content).toEqual({ kind: 'plain', bytes: body })
  const small = gzipped(Buffer.from('x 1\n'))
  expect(ready(small)).toBe(small)
})
