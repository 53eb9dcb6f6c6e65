// Frames: how messages are cut out of a stream of bytes. A frame is its length and the length of its header (four
// bytes each, big end first), the header as JSON, and the rest as bytes that the header explains.

import { ProxyError } from '../errors.ts'

export interface Frame {
  readonly header: unknown
  readonly body: Uint8Array
}

/** The largest frame that is sent or taken. */
export const maxFrameBytes = 64 * 2 ** 20
const lengthBytes = 4

export function writeFrame(header: unknown, body: readonly Uint8Array[] = []): Uint8Array {
  const json = Buffer.from(JSON.stringify(header))
  const frame = Buffer.concat([Buffer.alloc(2 * lengthBytes), json, ...body])
  frame.writeUInt32BE(frame.length - lengthBytes)
  frame.writeUInt32BE(json.length, lengthBytes)
  return frame
}

interface FrameReader {
  /** Takes the next bytes of the stream. Throws what ends the stream: nothing after it can be trusted. */
  push(bytes: Uint8Array): void
  /** Sets how long a frame may be from now on. */
  allow(maxBytes: number): void
}

export function createFrameReader(maxBytes: number, on: (frame: Frame) => void): FrameReader {
  let limit = maxBytes
  let chunks: Uint8Array[] = []
  let [bufferedBytes, wantedBytes] = [0, lengthBytes]
  let isInFrame = false

  /** Exactly the bytes that were wanted; what came after them stays. */
  function cutWanted(): Buffer {
    const all =
      chunks.length === 1
        ? Buffer.from(chunks[0]!.buffer, chunks[0]!.byteOffset, bufferedBytes)
        : Buffer.concat(chunks)
    const rest = all.subarray(wantedBytes)
    chunks = rest.length > 0 ? [rest] : []
    bufferedBytes = rest.length
    return all.subarray(0, wantedBytes)
  }

  function next(): void {
    const bytes = cutWanted()
    if (isInFrame) wantedBytes = lengthBytes
    else wantedBytes = bytes.readUInt32BE()
    isInFrame = !isInFrame
    if (!isInFrame) on(parse(bytes))
    else if (wantedBytes > limit || wantedBytes < lengthBytes)
      throw new ProxyError('protocol', `a message of ${wantedBytes} bytes, where ${limit} are allowed`)
  }

  return {
    push(bytes) {
      if (bytes.length > 0) chunks.push(bytes)
      bufferedBytes += bytes.length
      while (bufferedBytes >= wantedBytes) next()
    },
    allow(next) {
      limit = next
    },
  }
}

function parse(bytes: Buffer): Frame {
  try {
    const end = lengthBytes + bytes.readUInt32BE()
    if (end > bytes.length) throw new Error('the header is longer than its frame')
    return { header: JSON.parse(bytes.toString('utf8', lengthBytes, end)), body: bytes.subarray(end) }
  } catch (cause) {
    throw new ProxyError('protocol', 'a message that is not of this protocol', { cause })
  }
}
