import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { dropBody, keepBody, unpack } from '../../src/scrape/body.ts'
import type { BodyReceiver } from '../../src/scrape/connections.ts'
import { NeedsMemory } from '../../src/scrape/scrape-memory.ts'

const maxBytes = 2 ** 20

function receive(receiver: BodyReceiver, body: Uint8Array, chunkBytes: number): Uint8Array {
  for (let at = 0; at < body.length; at += chunkBytes) receiver.add(body.subarray(at, at + chunkBytes))
  return receiver.end()
}

/** Reads a body whose length is announced or not, with so much memory. */
function read(
  body: Uint8Array,
  announced: number | undefined,
  { chunkBytes = 1024, memoryBytes = 10 * maxBytes } = {},
) {
  let used = 0
  const receiver = keepBody(announced, maxBytes, (bytes) => {
    used += bytes
    if (used > memoryBytes) throw new NeedsMemory()
  })
  return receive(receiver, body, chunkBytes)
}

describe('a body', () => {
  test.each<[string, number | undefined, number]>([
    ['of an announced length', 200_000, 1000],
    ['of an announced length, byte by byte', 30_000, 1],
    ['in chunks, byte by byte', undefined, 1],
    ['in chunks of all sizes', undefined, 777],
    ['until the connection ends', undefined, 64 * 1024],
  ])('%s is complete, in no more memory than it needs', (_, announced, chunkBytes) => {
    const sent = Buffer.from(Array.from({ length: announced ?? 30_000 }, (_, n) => n % 251))
    const body = read(sent, announced, { chunkBytes })
    expect(Buffer.compare(body, sent)).toBe(0)
    expect(body.buffer.byteLength).toBe(sent.length)
  })

  test('byte by byte costs no more than its size allows', () => {
    const before = process.threadCpuUsage().user
    read(Buffer.alloc(500_000), undefined, { chunkBytes: 1 })
    expect(process.threadCpuUsage().user - before).toBeLessThan(2_000_000)
  })

  test('may be empty', () => {
    expect(read(Buffer.alloc(0), 0)).toHaveLength(0)
  })

  test('that is announced takes no memory before it arrives', () => {
    expect(read(Buffer.alloc(1000), maxBytes, { memoryBytes: 64 * 1024 })).toHaveLength(1000)
  })

  test('ends if the memory that it needs is not free', () => {
    const reading = () => read(Buffer.alloc(600 * 1024), undefined, { memoryBytes: maxBytes / 2 })
    expect(reading).toThrow(NeedsMemory)
  })

  test('larger than the limit is refused, announced or not', () => {
    expect(() => read(Buffer.alloc(0), maxBytes + 1)).toThrow('sent more than 1 MiB')
    expect(read(Buffer.alloc(maxBytes), undefined)).toHaveLength(maxBytes)
    expect(() => read(Buffer.alloc(maxBytes + 1), undefined)).toThrow('sent more than 1 MiB')
  })
})

test('the body of an error is read up to a limit', () => {
  expect(receive(dropBody(500), Buffer.alloc(64 * 1024), 1000)).toHaveLength(0)
  expect(() => receive(dropBody(500), Buffer.alloc(64 * 1024 + 1), 1000)).toThrow('answered 500')
})

const unlimited = () => {}
const text = Buffer.from('a 1\nb 2\n')
const large = Buffer.alloc(600 * 1024, 'a 1\n')

describe('gzip is unpacked', () => {
  const lie = Buffer.alloc(8)
  lie.writeUInt32LE(text.length, 4)
  const packed: Readonly<Record<string, Buffer>> = {
    'one part': gzipSync(text),
    'nothing at all': gzipSync(''),
    'a large body': gzipSync(large),
    'as large as the limit': gzipSync(Buffer.alloc(maxBytes)),
    'two parts': Buffer.concat([gzipSync(text), gzipSync('c 3\n')]),
    'two parts, the first longer': Buffer.concat([gzipSync('c 3\n'), gzipSync(text)]),
    'two parts, the second empty': Buffer.concat([gzipSync(text), gzipSync('')]),
    'two parts, both large': Buffer.concat([gzipSync(large.subarray(1)), gzipSync(large.subarray(0, 9))]),
    'zeros behind it': Buffer.concat([gzipSync(text), Buffer.alloc(8)]),
    'a wrong size behind it': Buffer.concat([gzipSync(text), lie]),
  }

  test.for(Object.entries(packed))('%s', async ([, given]) => {
    expect(Buffer.compare(await unpack(given, maxBytes, unlimited), gunzipSync(given))).toBe(0)
  })
})

test.each([
  ['and is announced so', gzipSync(Buffer.alloc(maxBytes + 1))],
  ['and is announced smaller', Buffer.concat([gzipSync(Buffer.alloc(maxBytes)), gzipSync('a')])],
])('what is larger than the limit is refused: %s', async (_, packed) => {
  await expect(unpack(packed, maxBytes, unlimited)).rejects.toMatchObject({
    code: 'too_large',
    message: 'sent more than 1 MiB once unpacked',
  })
})

test('what is damaged is refused', async () => {
  const packed = gzipSync(text)
  const damaged = Buffer.from(packed)
  damaged.writeUInt32LE(1, damaged.length - 8)
  for (const one of [damaged, packed.subarray(0, -1), Buffer.alloc(30, 'no gzip '), Buffer.alloc(0)])
    await expect(unpack(one, maxBytes, unlimited)).rejects.toMatchObject({
      code: 'protocol',
      message: 'sent gzip that cannot be unpacked',
    })
})

test('memory is used for what is announced, and for more only if that was not true', async () => {
  const bomb = gzipSync(Buffer.alloc(maxBytes))
  const used: number[] = []
  await unpack(bomb, maxBytes, (bytes) => used.push(bytes))
  expect(used).toEqual([maxBytes])
  bomb.writeUInt32LE(10, bomb.length - 4)
  const refuse = (bytes: number) => {
    if (bytes > 10) throw new Error('no memory')
  }
  await expect(unpack(Buffer.concat([bomb, gzipSync('a')]), maxBytes, refuse)).rejects.toThrow('no memory')
})

test('no more memory is used in the sum than the largest page takes', async () => {
  const packed = gzipSync(Buffer.alloc(maxBytes))
  packed.writeUInt32LE(maxBytes - 1, packed.length - 4)
  let sum = 0
  const add = (bytes: number) => {
    sum += bytes
  }
  // the announced size is wrong, so it is refused in the end
  await expect(unpack(packed, maxBytes, add)).rejects.toMatchObject({ code: 'protocol' })
  expect(sum).toBeLessThanOrEqual(maxBytes)
})
