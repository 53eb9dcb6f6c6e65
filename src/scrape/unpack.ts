// Gunzip with a cap, so that a few bytes can't become all of the memory.

import { promisify } from 'node:util'
import { gunzip, gunzipSync } from 'node:zlib'
import { ProxyError } from '../errors.ts'
import { tooLarge } from './failures.ts'

const gunzipAside = promisify(gunzip)

/** Up to here unpacking takes about a millisecond: cheaper at once than handed to a thread and back. */
const atOnce = 512 * 1024

export async function unpack(packed: Uint8Array, most: number): Promise<Uint8Array> {
  try {
    return unpackNow(packed, Math.min(atOnce, most)) ?? (await gunzipAside(packed, options(most)))
  } catch (error) {
    if (isTooLarge(error)) throw tooLarge(most, ' once unpacked')
    throw new ProxyError('protocol', 'sent gzip that cannot be unpacked', { cause: error })
  }
}

function unpackNow(packed: Uint8Array, most: number): Uint8Array | undefined {
  if (announcedSize(packed) > most) return undefined
  try {
    return gunzipSync(packed, options(most))
  } catch (error) {
    if (isTooLarge(error)) return undefined
    throw error
  }
}

/** The last four bytes of a gzip tell its unpacked size. May be a lie, and then costs a second try. */
function announcedSize(packed: Uint8Array): number {
  if (packed.length < 18) return 0
  return new DataView(packed.buffer, packed.byteOffset + packed.length - 4, 4).getUint32(0, true)
}

const options = (maxOutputLength: number) => ({ maxOutputLength, chunkSize: 64 * 1024 })

function isTooLarge(error: unknown): boolean {
  return (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE'
}
