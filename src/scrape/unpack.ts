// Gunzip with a cap, so that a few bytes can't become all of the memory.

import { promisify } from 'node:util'
import { createGunzip, gunzip } from 'node:zlib'
import { ProxyError } from '../errors.ts'
import { createEngine, type Done } from '../zlib-engine.ts'
import { tooLarge } from './failures.ts'

const gunzipAside = promisify(gunzip)
const gunzipNow = createEngine(createGunzip)

/** Up to here unpacking takes about a millisecond: cheaper at once than handed to a thread and back. */
const atOnce = 512 * 1024

export interface Unpacked {
  readonly text: Uint8Array
  /** The text's CRC-32, which unpacking has checked; absent where it isn't the gzip's last word. */
  readonly crc?: number
}

/** At once, into memory that `room` gives for so many bytes; undefined if it is too much for that. */
export function unpackNow(
  packed: Uint8Array,
  most: number,
  room: (bytes: number) => Uint8Array,
): Unpacked | undefined {
  const { size, crc } = trailerOf(packed)
  if (!gunzipNow || size > Math.min(atOnce, most)) return undefined
  // one more than announced, to see that it was a lie
  const memory = room(size + 1).subarray(0, size + 1)
  const { read, written } = unpacking(() => gunzipNow(packed, memory))
  if (written > size) return undefined
  const text = memory.subarray(0, written)
  // of several parts the last one's trailer tells of that one alone, and after the last one anything may follow
  return written === size && read === packed.length ? { text, crc } : { text }
}

/** By another thread. */
export async function unpackAside(packed: Uint8Array, most: number): Promise<Unpacked> {
  try {
    return { text: await gunzipAside(packed, { maxOutputLength: most }) }
  } catch (error) {
    throw isTooLarge(error) ? tooLarge(most, ' once unpacked') : spoilt(error)
  }
}

function unpacking(work: () => Done): Done {
  try {
    return work()
  } catch (error) {
    throw spoilt(error)
  }
}

function spoilt(cause: unknown): ProxyError {
  return new ProxyError('protocol', 'sent gzip that cannot be unpacked', { cause })
}

/** The last eight bytes of a gzip tell the CRC-32 and the size of its text. */
function trailerOf(packed: Uint8Array): { readonly size: number; readonly crc: number } {
  if (packed.length < 18) return { size: 0, crc: 0 }
  const trailer = new DataView(packed.buffer, packed.byteOffset + packed.length - 8, 8)
  return { crc: trailer.getUint32(0, true), size: trailer.getUint32(4, true) }
}

function isTooLarge(error: unknown): boolean {
  return (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE'
}
