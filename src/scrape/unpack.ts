// Gunzip with a cap, so that a few bytes can't become all of the memory.

import { promisify } from 'node:util'
import { gunzip, gunzipSync, type ZlibOptions } from 'node:zlib'
import { ProxyError } from '../errors.ts'
import { tooLarge } from './failures.ts'

const gunzipAside = promisify(gunzip)

/** Up to here unpacking takes about a millisecond: cheaper at once than handed to a thread and back. */
const atOnce = 512 * 1024

/** The least that is unpacked in one step, whatever size the gzip announces. */
const leastStep = 4 * 1024

export async function unpack(packed: Uint8Array, most: number): Promise<Uint8Array> {
  try {
    return unpackNow(packed, Math.min(atOnce, most)) ?? (await gunzipAside(packed, { maxOutputLength: most }))
  } catch (error) {
    if (isTooLarge(error)) throw tooLarge(most, ' once unpacked')
    throw new ProxyError('protocol', 'sent gzip that cannot be unpacked', { cause: error })
  }
}

/** In one step and one allocation, if the size is what it announces. */
function unpackNow(packed: Uint8Array, most: number): Uint8Array | undefined {
  const announced = announcedSize(packed)
  if (announced > most) return undefined
  try {
    const chunkSize = Math.max(leastStep, announced + 1)
    return fitted(unpackAtOnce(packed, { maxOutputLength: most, chunkSize }))
  } catch (error) {
    if (isTooLarge(error)) return undefined
    throw error
  }
}

/**
 * As `gunzipSync`. What unpacks outlives what it was made for, until all memory is gone through: left as it is, it
 * keeps the text with it, which makes that happen every other second.
 */
function unpackAtOnce(packed: Uint8Array, options: ZlibOptions): Buffer {
  const { buffer, engine } = gunzipSync(packed, { ...options, info: true }) as unknown as Unpacked
  engine._outBuffer = undefined
  return buffer
}

/** What `info` asks for; the types don't know it. */
interface Unpacked {
  readonly buffer: Buffer
  readonly engine: { _outBuffer: Buffer | undefined }
}

/** The last four bytes of a gzip tell its unpacked size. May be a lie, and then costs a second try. */
function announcedSize(packed: Uint8Array): number {
  if (packed.length < 18) return 0
  return new DataView(packed.buffer, packed.byteOffset + packed.length - 4, 4).getUint32(0, true)
}

/** What keeps much more memory alive than its own is copied. */
function fitted(page: Buffer): Uint8Array {
  return page.buffer.byteLength < 2 * page.length ? page : Uint8Array.from(page)
}

function isTooLarge(error: unknown): boolean {
  return (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE'
}
