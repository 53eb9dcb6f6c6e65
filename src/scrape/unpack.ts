// Gunzip with a cap, so that a few bytes can't become all of the memory.

import { promisify } from 'node:util'
import { gunzip, gunzipSync } from 'node:zlib'
import { ProxyError } from '../errors.ts'
import { tooLarge } from './failures.ts'

const gunzipAside = promisify(gunzip)

/** Up to here unpacking takes about a millisecond: cheaper at once than handed to a thread and back. */
const maxBytesAtOnce = 512 * 1024
/** What is longer than announced is unpacked in pieces of this size. */
const chunkBytes = 64 * 1024

/** Throws where it isn't gzip, and before more than `maxBytes` come out. */
export async function unpack(packed: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return unpackAtOnce(packed, maxBytes) ?? (await unpackAside(packed, maxBytes))
  } catch (error) {
    throw isTooLarge(error) ? tooLarge(maxBytes, ' once unpacked') : spoilt(error)
  }
}

/** Undefined if it is large, or larger than it announces. */
function unpackAtOnce(packed: Uint8Array, maxBytes: number): Uint8Array | undefined {
  const announced = announcedBytes(packed)
  if (announced > Math.min(maxBytesAtOnce, maxBytes)) return undefined
  try {
    return gunzipSync(packed, {
      maxOutputLength: Math.max(1, announced),
      chunkSize: Math.max(64, announced + 1),
    })
  } catch (error) {
    if (isTooLarge(error)) return undefined
    throw error
  }
}

function unpackAside(packed: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const chunkSize = Math.max(chunkBytes, Math.min(announcedBytes(packed), maxBytes) + 1)
  return gunzipAside(packed, { maxOutputLength: maxBytes, chunkSize })
}

function spoilt(cause: unknown): ProxyError {
  return new ProxyError('protocol', 'sent gzip that cannot be unpacked', { cause })
}

/** The last four bytes of a gzip are the size of its text: of several parts the last one's, and anyone may lie. */
function announcedBytes(packed: Uint8Array): number {
  if (packed.length < 18) return 0
  return new DataView(packed.buffer, packed.byteOffset + packed.length - 4, 4).getUint32(0, true)
}

function isTooLarge(error: unknown): boolean {
  return (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE'
}
