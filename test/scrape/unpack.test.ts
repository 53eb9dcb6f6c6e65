import { crc32, gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { unpackAside, unpackNow } from '../../src/scrape/unpack.ts'

const most = 2 ** 20
const text = Buffer.from('a 1\nb 2\n')
const now = (packed: Buffer) => unpackNow(packed, most, (bytes) => new Uint8Array(bytes))

test('the sum that the gzip ends with is the text’s', () => {
  const unpacked = now(gzipSync(text))
  expect([Buffer.from(unpacked!.text), unpacked?.crc]).toEqual([text, crc32(text)])
})

describe('what tells of more or less than its text', () => {
  const lie = Buffer.alloc(8)
  lie.writeUInt32LE(text.length, 4)
  const odd: Readonly<Record<string, Buffer>> = {
    'two parts': Buffer.concat([gzipSync(text), gzipSync('c 3\n')]),
    'two parts, the first longer': Buffer.concat([gzipSync('c 3\n'), gzipSync(text)]),
    'nothing behind it': Buffer.concat([gzipSync(text), Buffer.alloc(8)]),
    'a lie behind it': Buffer.concat([gzipSync(text), lie]),
  }

  test.for(Object.entries(odd))('has no sum or the right one: %s', async ([, packed]) => {
    const { text, crc = crc32(text) } = now(packed) ?? (await unpackAside(packed, most))
    expect(Buffer.compare(text, gunzipSync(packed))).toBe(0)
    expect(crc).toBe(crc32(text))
  })
})

test('what is large is left to another thread', async () => {
  const large = Buffer.alloc(600 * 1024, 'a 1\n')
  const packed = gzipSync(large)
  expect(now(packed)).toBeUndefined()
  expect(Buffer.compare((await unpackAside(packed, most)).text, large)).toBe(0)
})

test('what is spoilt is refused, and the next is not', async () => {
  const packed = gzipSync(text)
  const spoilt = Buffer.from(packed)
  spoilt.writeUInt32LE(1, spoilt.length - 8)
  for (const one of [spoilt, packed.subarray(0, -1), Buffer.alloc(30, 'no gzip '), spoilt]) {
    const unpacked = async () => now(one) ?? (await unpackAside(one, most))
    await expect(unpacked()).rejects.toMatchObject({
      code: 'protocol',
      message: 'sent gzip that cannot be unpacked',
    })
    expect(Buffer.from(now(packed)!.text)).toEqual(text)
  }
})
