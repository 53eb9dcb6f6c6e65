// Packing and fingerprints of pages and deltas.

import {
  constants,
  crc32,
  deflateRawSync,
  inflateRawSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'

const fastest = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
/** Deltas are short, and each has a state of its own: zstd's costs twice as much as what it does. */
const short = { level: 1, chunkSize: 4096 }

/** Copied, since what zlib returns is a part of a larger buffer that would be kept with it. */
export function pack(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(zstdCompressSync(bytes, fastest))
}

/** Throws at what isn't packed, and before more than `most` bytes come out. */
export function unpack(packed: Uint8Array, most: number): Uint8Array {
  return zstdDecompressSync(packed, { maxOutputLength: most })
}

export function packDelta(delta: Uint8Array): Uint8Array {
  return new Uint8Array(deflateRawSync(delta, short))
}

/** As `unpack` does. */
export function unpackDelta(packed: Uint8Array, most: number): Uint8Array {
  return inflateRawSync(packed, { maxOutputLength: most, chunkSize: short.chunkSize })
}

/** Guards against mistakes, not against malice: both sides hold one secret, and number what they tell. */
export function fingerprint(bytes: Uint8Array): string {
  return crc32(bytes).toString(36)
}
