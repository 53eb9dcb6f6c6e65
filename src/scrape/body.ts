// The body of a response, read and unpacked within bounds: of its size, and of the memory that is free.

import { promisify } from 'node:util'
import { gunzip, gunzipSync } from 'node:zlib'
import { ProxyError } from '../errors.ts'
import type { BodyReceiver } from './connections.ts'
import { tooLargeError } from './failures.ts'

const gunzipInThread = promisify(gunzip)

/** Up to here memory is allocated for the announced length; beyond it, as the body arrives. */
const maxPreallocatedBytes = 64 * 1024
/** Rather than to read more of a body that isn't used, the connection is closed. */
const maxDroppedBytes = 64 * 1024
/** Up to this size unpacking takes about a millisecond: less than the way to a thread and back. */
const maxSyncBytes = 512 * 1024

/** Collects a body. `use` is called before memory is allocated. */
export function keepBody(
  announcedBytes: number | undefined,
  maxBytes: number,
  use: (bytes: number) => void,
): BodyReceiver {
  const expectedBytes = announcedBytes ?? maxBytes
  if (expectedBytes > maxBytes) throw tooLargeError(maxBytes)
  let memory = Buffer.alloc(0)
  let size = 0

  function resize(bytes: number): void {
    use(bytes - memory.length)
    const before = memory
    memory = Buffer.allocUnsafeSlow(bytes)
    before.copy(memory)
  }

  if (announcedBytes !== undefined) resize(Math.min(announcedBytes, maxPreallocatedBytes))
  return {
    add(chunk) {
      const needed = size + chunk.length
      if (needed > maxBytes) throw tooLargeError(maxBytes)
      // twice as much each time, so that a body in small chunks is copied only a few times
      if (needed > memory.length) resize(Math.min(expectedBytes, Math.max(needed, 2 * memory.length)))
      memory.set(chunk, size)
      size = needed
    },
    end() {
      // the body may be kept for long: without spare memory
      if (memory.length > size) resize(size)
      return memory
    },
  }
}

/** Reads a body that isn't used, so that its connection can be used again. */
export function dropBody(status: number): BodyReceiver {
  let size = 0
  return {
    add({ length }) {
      size += length
      if (size > maxDroppedBytes) throw new ProxyError('http_status', `answered ${status}`)
    },
    end: () => empty,
  }
}

const empty = Buffer.alloc(0)

/** Rejects if `packed` isn't gzip, or holds more than `maxBytes`. `use` is called before memory is allocated. */
export async function unpack(
  packed: Uint8Array,
  maxBytes: number,
  use: (bytes: number) => void,
): Promise<Uint8Array> {
  const announcedBytes = Math.min(maxBytes, announcedSize(packed))
  use(announcedBytes)
  const body = await unpackUpTo(announcedBytes, packed)
  if (body) return body
  if (announcedBytes === maxBytes) throw tooLargeError(maxBytes, ' once unpacked')
  // several parts, or a lie
  use(maxBytes - announcedBytes)
  const wholeBody = await unpackUpTo(maxBytes, packed)
  if (wholeBody) return wholeBody
  throw tooLargeError(maxBytes, ' once unpacked')
}

/** Undefined if it holds more than `bytes`. */
async function unpackUpTo(bytes: number, packed: Uint8Array): Promise<Uint8Array | undefined> {
  // one chunk, with a byte more to see that nothing follows; zlib accepts neither a limit of 0 nor smaller chunks
  const options = { maxOutputLength: Math.max(1, bytes), chunkSize: Math.max(64, bytes + 1) }
  try {
    return bytes > maxSyncBytes ? await gunzipInThread(packed, options) : gunzipSync(packed, options)
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') return undefined
    throw new ProxyError('protocol', 'sent gzip that cannot be unpacked', { cause: error })
  }
}

/** The last four bytes of gzip are the size of its content: of its last part only, if it has several. */
function announcedSize(packed: Uint8Array): number {
  if (packed.length < 18) return 0
  return new DataView(packed.buffer, packed.byteOffset + packed.length - 4, 4).getUint32(0, true)
}
