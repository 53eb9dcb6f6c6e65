// Gunzip with a cap, so that a few bytes can't become all of the memory.

import { promisify } from 'node:util'
import { gunzip, gunzipSync } from 'node:zlib'
import { ProxyError } from '../errors.ts'
import { tooLarge } from './failures.ts'

const gunzipAside = promisify(gunzip)

/** Up to here unpacking takes about a millisecond: cheaper at once than handed to a thread and back. */
const maxBytesAtOnce = 512 * 1024
/**
 * Throws where it isn't gzip, and before more than `maxBytes` come out. `use` is called for memory before it is taken,
 * and throws where it may not be.
 */
export async function unpack(
  packed: Uint8Array,
  maxBytes: number,
  use: (bytes: number) => void,
): Promise<Uint8Array> {
  const announced = announcedBytes(packed)
  if (announced <= maxBytes) {
    use(announced)
    const body = await unpackTo(packed, announced)
    if (body) return body
  }
  // what was announced, and isn't true, has been asked for
  use(announced <= maxBytes ? maxBytes - announced : maxBytes)
  const body = await unpackTo(packed, maxBytes)
  if (body) return body
  throw tooLarge(maxBytes, ' once unpacked')
}

/** Undefined if it is more. */
async function unpackTo(packed: Uint8Array, bytes: number): Promise<Uint8Array | undefined> {
  // in one piece, with one byte more to see that nothing follows; zlib takes neither a limit of 0 nor smaller pieces
  const options = { maxOutputLength: Math.max(1, bytes), chunkSize: Math.max(64, bytes + 1) }
  try {
    return bytes > maxBytesAtOnce ? await gunzipAside(packed, options) : gunzipSync(packed, options)
  } catch (error) {
    if (isTooLarge(error)) return undefined
    throw new ProxyError('protocol', 'sent gzip that cannot be unpacked', { cause: error })
  }
}

/** The last four bytes of a gzip are the size of its text: of several parts the last one's, and anyone may lie. */
function announcedBytes(packed: Uint8Array): number {
  if (packed.length < 18) return 0
  return new DataView(packed.buffer, packed.byteOffset + packed.length - 4, 4).getUint32(0, true)
}

function isTooLarge(error: unknown): boolean {
  return (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE'
}
