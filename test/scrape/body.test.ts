import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { dropBody, readBody, unpack } from '../../src/scrape/body.ts'
import { NeedsMemory } from '../../src/scrape/scrape-memory.ts'

const maxBytes = 2 ** 20

async function* inChunks(body: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += chunkBytes) yield body.subarray(at, at + chunkBytes)
}

/** Reads a body whose length is announced or not, with so much memory. */
function read(
  body: Uint8Array,
  announced: number | undefined,
  { chunkBytes = 1024, memoryBytes = 10 * maxBytes } = {},
) {
  let used = 0
  return readBody(inChunks(body, chunkBytes), announced, maxBytes, (bytes) => {
    used += bytes
    if (used > memoryBytes) throw new NeedsMemory()
  })
}

describe('a body', () => {
  test.each<[string, number | undefined, number]>([
    ['of an announced length', 200_000, 1000],
    ['of an announced length, byte by byte', 30_000, 1],
    ['in chunks, byte by byte', undefined, 1],
    ['in chunks of all sizes', undefined, 777],
    ['until the connection ends', undefined, 64 * 1024],
  ])('%s is complete, in no more memory than it needs', async (_, announced, chunkBytes) => {
    const sent = Buffer.from(Array.from({ length: announced ?? 30_000 }, (_, n) => n % 251))
    const body = await read(sent, announced, { chunkBytes })
    expect(Buffer.compare(body, sent)).toBe(0)
    expect(body.buffer.byteLength).toBe(sent.length)
  })

  test('byte by byte costs no more than its size allows', async () => {
    const before = process.threadCpuUsage().user
    await read(Buffer.alloc(500_000), undefined, { chunkBytes: 1 })
    expect(process.threadCpuUsage().user - before).toBeLessThan(2_000_000)
  })

  test('may be empty', async () => {
    expect(await read(Buffer.alloc(0), 0)).toHaveLength(0)
  })

  test('that is announced takes no memory before it arrives', async () => {
    await expect(read(Buffer.alloc(1000), maxBytes, { memoryBytes: 64 * 1024 })).resolves.toHaveLength(1000)
  })

  test('ends if the memory that it needs is not free', async () => {
    const reading = read(Buffer.alloc(600 * 1024), undefined, { memoryBytes: maxBytes / 2 })
    await expect(reading).rejects.toThrow(NeedsMemory)
  })

  test('larger than the limit is refused, announced or not', async () => {
    await expect(read(Buffer.alloc(0), maxBytes + 1)).rejects.toThrow('sent more than 1 MiB')
    await expect(read(Buffer.alloc(maxBytes), undefined)).resolves.toHaveLength(maxBytes)
    await expect(read(Buffer.alloc(maxBytes + 1), undefined)).rejects.toThrow('sent more than 1 MiB')
  })
})

test('the body of an error is read up to a limit', async () => {
  await dropBody(inChunks(Buffer.alloc(64 * 1024), 1000), 500)
  await expect(dropBody(inChunks(Buffer.alloc(64 * 1024 + 1), 1000), 500)).rejects.toThrow('answered 500')
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
