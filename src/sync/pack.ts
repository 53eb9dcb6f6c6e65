// Packing and fingerprints of pages and deltas.

import {
  constants,
  crc32,
  createDeflateRaw,
  deflateRawSync,
  inflateRawSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'
import { createEngine } from '../zlib-engine.ts'

const fastest = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
/** Deltas are short, and each has a state of its own: zstd's costs twice as much as what it does. */
const short = { level: 1, chunkSize: 4096 }
const deflate = createEngine(() => createDeflateRaw(short))
/** What is longer is rare, and not worth memory that is kept. */
const longest = 64 * 1024
/** One delta is packed at a time: all in the same memory. What can't be made shorter becomes longer by a few bytes. */
const memory = new Uint8Array(longest + longest / 1024 + 64)

/** Copied, since what zlib returns is a part of a larger buffer that would be kept with it. */
export function pack(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(zstdCompressSync(bytes, fastest))
}

/** Throws at what isn't packed, and before more than `most` bytes come out. */
export function unpack(packed: Uint8Array, most: number): Uint8Array {
  return zstdDecompressSync(packed, { maxOutputLength: most })
}

export function packDelta(delta: Uint8Array): Uint8Array {
  if (!deflate || delta.length > longest) return new Uint8Array(deflateRawSync(delta, short))
  return memory.slice(0, deflate(delta, memory).written)
}

/** As `unpack` does. */
export function unpackDelta(packed: Uint8Array, most: number): Uint8Array {
  return inflateRawSync(packed, { maxOutputLength: most, chunkSize: short.chunkSize })
}

/** Guards against mistakes, not against malice: both sides hold one secret, and number what they tell. */
export function fingerprint(bytes: Uint8Array): string {
  return printOfCrc(crc32(bytes))
}

/** The same where the CRC-32 is known. */
export function printOfCrc(crc: number): string {
  return crc.toString(36)
}
