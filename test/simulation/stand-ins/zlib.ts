// In place of zstd for src/sync: nothing is compressed but what is one byte all over, and what zstd checks is checked: the
// dictionary, the body and the announced size.

import { crc32, type ZstdOptions } from 'node:zlib'
import { noteUnpacked } from './unpacked.ts'

export { constants, gunzip, gunzipSync, zstdCompress, zstdDecompress } from 'node:zlib'

const headBytes = 12

export function zstdCompressSync(body: Uint8Array, { dictionary }: ZstdOptions = {}): Buffer {
  const isUniform = body.length > 1 && body.every((byte) => byte === body[0])
  const frame = Buffer.concat([Buffer.alloc(headBytes), isUniform ? body.subarray(0, 1) : body])
  frame.writeUInt32BE(checksumOf(dictionary), 0)
  frame.writeUInt32BE(crc32(body), 4)
  frame.writeUInt32BE(body.length, 8)
  return frame
}

export function zstdDecompressSync(bytes: Uint8Array, options: ZstdOptions): Buffer {
  const { dictionary, maxOutputLength = Number.POSITIVE_INFINITY } = options
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (frame.length < headBytes) throw new Error('no frame')
  const size = frame.readUInt32BE(8)
  if (size > maxOutputLength) throw new RangeError('larger than announced')
  noteUnpacked(size)
  const rest = frame.subarray(headBytes)
  const body = rest.length < size && rest.length === 1 ? Buffer.alloc(size, rest) : Buffer.from(rest)
  const isIntact = frame.readUInt32BE(0) === checksumOf(dictionary) && frame.readUInt32BE(4) === crc32(body)
  if (body.length !== size || !isIntact) throw new Error('the checksum is another one')
  return body
}

function checksumOf(dictionary: ZstdOptions['dictionary']): number {
  return dictionary ? crc32(dictionary as Uint8Array) : 0
}
