import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { unpack } from '../../src/scrape/unpack.ts'

const maxBytes = 2 ** 20
const anything = () => {}
const text = Buffer.from('a 1\nb 2\n')
const large = Buffer.alloc(600 * 1024, 'a 1\n')

describe('gzip is unpacked', () => {
  const lie = Buffer.alloc(8)
  lie.writeUInt32LE(text.length, 4)
  const packed: Readonly<Record<string, Buffer>> = {
    'one part': gzipSync(text),
    'nothing at all': gzipSync(''),
    'a large page': gzipSync(large),
    'as large as it may be': gzipSync(Buffer.alloc(maxBytes)),
    'two parts': Buffer.concat([gzipSync(text), gzipSync('c 3\n')]),
    'two parts, the first longer': Buffer.concat([gzipSync('c 3\n'), gzipSync(text)]),
    'two parts, the second empty': Buffer.concat([gzipSync(text), gzipSync('')]),
    'two parts, both large': Buffer.concat([gzipSync(large.subarray(1)), gzipSync(large.subarray(0, 9))]),
    'zeros behind it': Buffer.concat([gzipSync(text), Buffer.alloc(8)]),
    'a wrong size behind it': Buffer.concat([gzipSync(text), lie]),
  }

  test.for(Object.entries(packed))('%s', async ([, given]) => {
    expect(Buffer.compare(await unpack(given, maxBytes, anything), gunzipSync(given))).toBe(0)
  })
})

test.each([
  ['and says so', gzipSync(Buffer.alloc(maxBytes + 1))],
  ['and says that it is not', Buffer.concat([gzipSync(Buffer.alloc(maxBytes)), gzipSync('a')])],
])('what is larger than it may be is refused: %s', async (_, packed) => {
  await expect(unpack(packed, maxBytes, anything)).rejects.toMatchObject({
    code: 'too_large',
    message: 'sent more than 1 MiB once unpacked',
  })
})

test('what is damaged is refused', async () => {
  const packed = gzipSync(text)
  const damaged = Buffer.from(packed)
  damaged.writeUInt32LE(1, damaged.length - 8)
  for (const one of [damaged, packed.subarray(0, -1), Buffer.alloc(30, 'no gzip '), Buffer.alloc(0)])
    await expect(unpack(one, maxBytes, anything)).rejects.toMatchObject({
      code: 'protocol',
      message: 'sent gzip that cannot be unpacked',
    })
})

test('memory is asked for before it is taken: what is announced, and more only where that was not true', async () => {
  const bomb = gzipSync(Buffer.alloc(maxBytes))
  const asked: number[] = []
  await unpack(bomb, maxBytes, (bytes) => asked.push(bytes))
  expect(asked).toEqual([maxBytes])
  bomb.writeUInt32LE(10, bomb.length - 4)
  const refuse = (bytes: number) => {
    if (bytes > 10) throw new Error('no memory')
  }
  await expect(unpack(Buffer.concat([bomb, gzipSync('a')]), maxBytes, refuse)).rejects.toThrow('no memory')
})

test('no more memory is asked for in the sum than the largest page takes', async () => {
  const packed = gzipSync(Buffer.alloc(maxBytes))
  packed.writeUInt32LE(maxBytes - 1, packed.length - 4)
  let sum = 0
  const add = (bytes: number) => {
    sum += bytes
  }
  // the size that it announces is wrong, so it is refused in the end
  await expect(unpack(packed, maxBytes, add)).rejects.toMatchObject({ code: 'protocol' })
  expect(sum).toBeLessThanOrEqual(maxBytes)
})
