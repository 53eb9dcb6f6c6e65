// Frames: how messages are cut out of a stream of bytes. A frame is its length (four bytes, big end first), the
// length of its header as a varint, the header as JSON, and the rest as bytes that the header explains.

import { ProxyError } from '../errors.ts'
import { byteReader, byteWriter } from './varint.ts'

export interface Frame {
  readonly header: unknown
  readonly body: Uint8Array
}

/** The largest frame that is sent or taken. */
export const largestFrame = 64 * 2 ** 20
const lengthBytes = 4
const nothing = new Uint8Array()

export function writeFrame(header: unknown, body: readonly Uint8Array[] = []): Uint8Array {
  const json = Buffer.from(JSON.stringify(header))
  const headerLength = byteWriter()
  headerLength.varint(json.length)
  const frame = Buffer.concat([Buffer.alloc(lengthBytes), headerLength.bytes(), json, ...body])
  frame.writeUInt32BE(frame.length - lengthBytes)
  return frame
}

export interface FrameReader {
  /** Takes the next bytes of the stream. Throws what ends the stream: nothing after it can be trusted. */
  push(bytes: Uint8Array): void
  /** Sets how long a frame may be from now on. */
  allow(most: number): void
}

export function createFrameReader(most: number, on: (frame: Frame) => void): FrameReader {
  let limit = most
  let chunks: Uint8Array[] = []
  let [held, wanted] = [0, lengthBytes]
  let inFrame = false

  /** Exactly the bytes that were wanted; what came after them stays. */
  function take(): Uint8Array {
    const all = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    const rest = all.subarray(wanted)
    chunks = rest.length > 0 ? [rest] : []
    held = rest.length
    return all.subarray(0, wanted)
  }

  function begin(bytes: Uint8Array): void {
    wanted = Buffer.from(bytes).readUInt32BE()
    if (wanted > limit)
      throw new ProxyError('protocol', `a message of ${wanted} bytes, where ${limit} are allowed`)
    inFrame = true
  }

  function end(bytes: Uint8Array): void {
    wanted = lengthBytes
    inFrame = false
    on(parse(bytes))
  }

  return {
    push(bytes) {
      if (bytes.length > 0) chunks.push(bytes)
      held += bytes.length
      while (held >= wanted) (inFrame ? end : begin)(wanted === 0 ? nothing : take())
    },
    allow(next) {
      limit = next
    },
  }
}

function parse(bytes: Uint8Array): Frame {
  try {
    const reader = byteReader(bytes)
    const length = reader.varint()
    const start = reader.at()
    if (start + length > bytes.length) throw new Error('the header is longer than its frame')
    const header: unknown = JSON.parse(Buffer.from(bytes.subarray(start, start + length)).toString())
    return { header, body: bytes.subarray(start + length) }
  } catch (cause) {
    throw new ProxyError('protocol', 'a message that is not one of ours', { cause })
  }
}
