// Bodies between agents: packed by zstd, in full or with the body before as the dictionary, which fits any bytes.
// Each frame comes with the size that it unpacks to: nothing more is ever unpacked of it. Its checksum, zstd's own,
// says whether it fits the body before; nothing else is concluded from it.

import { promisify } from 'node:util'
import {
  constants,
  gunzip,
  gunzipSync,
  type ZstdOptions,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib'
import { ProxyError } from '../errors.ts'
import type { MetricsPage, ZstdFrame } from '../model.ts'

/** What is larger is packed and unpacked off the event loop. */
export const maxSyncBytes = 2 ** 20
/** Beyond this the memory for a window over both bodies costs more than a delta saves. */
export const maxDeltaBytes = 16 * 2 ** 20

const inThread = {
  compress: promisify(zstdCompress) as (bytes: Uint8Array, options: ZstdOptions) => Promise<Buffer>,
  decompress: promisify(zstdDecompress) as (bytes: Uint8Array, options: ZstdOptions) => Promise<Buffer>,
  gunzip: promisify(gunzip) as (bytes: Uint8Array, options: object) => Promise<Buffer>,
}

export function pack(body: Uint8Array, before?: Uint8Array): ZstdFrame {
  return frameOf(body, zstdCompressSync(body, packing(body, before)))
}

/** The same off the event loop. */
export async function packAsync(body: Uint8Array, before?: Uint8Array): Promise<ZstdFrame> {
  return frameOf(body, await inThread.compress(body, packing(body, before)))
}

/** Copied, since what zlib returns is a part of a larger buffer that would be kept with it. */
function frameOf({ length: size }: Uint8Array, packed: Uint8Array): ZstdFrame {
  return { size, bytes: new Uint8Array(packed) }
}

/** The body to which the frames lead, the first a full one. Throws where they don't. */
export function unpack(frames: readonly ZstdFrame[]): Uint8Array {
  let body: Uint8Array | undefined
  for (const frame of frames)
    body = check(frame, () => zstdDecompressSync(frame.bytes, unpacking(frame, body)))
  return body!
}

export async function unpackAsync(frames: readonly ZstdFrame[]): Promise<Uint8Array> {
  let body: Uint8Array | undefined
  for (const frame of frames) {
    const unpacked = await inThread.decompress(frame.bytes, unpacking(frame, body)).catch(refuse)
    body = check(frame, () => unpacked)
  }
  return body!
}

export const isSmall = ({ content, size }: MetricsPage) =>
  content.kind === 'zstd' ? content.frames.every((frame) => frame.size <= maxSyncBytes) : size <= maxSyncBytes

/** The page as the container wrote it. Throws where a peer sent something else than it announced. */
export function bodyOf({ content, size }: MetricsPage): Uint8Array {
  if (content.kind === 'plain') return content.bytes
  if (content.kind === 'zstd') return unpack(content.frames)
  return size === 0 ? empty : gunzipSync(content.bytes, gunzipping(size))
}

/** The same; for large pages off the event loop. */
export async function bodyOfAsync(page: MetricsPage): Promise<Uint8Array> {
  const { content, size } = page
  if (content.kind === 'plain' || isSmall(page)) return bodyOf(page)
  if (content.kind === 'zstd') return await unpackAsync(content.frames)
  return await inThread.gunzip(content.bytes, gunzipping(size))
}

/** A large page is unpacked off the event loop; any other is ready as it is. */
export function ready(page: MetricsPage): MetricsPage | Promise<MetricsPage> {
  if (page.content.kind === 'plain' || isSmall(page)) return page
  return bodyOfAsync(page).then((bytes) => ({ ...page, content: { kind: 'plain', bytes } }))
}

const empty = new Uint8Array()

/** All of it in one piece, and one byte to see its end; zlib wants 64 at the least, and takes no limit of 0. */
const gunzipping = (size: number) => ({ maxOutputLength: size, chunkSize: Math.max(64, size + 1) })

/**
 * Small bodies in small tables: the kernel maps and clears these for each frame, which at the usual levels takes longer
 * than to pack it. Long matches make up for them: most lines are those of the body before.
 */
function packing(body: Uint8Array, before?: Uint8Array): ZstdOptions {
  const windowLog = windowLogOf(body.length, before)
  const isLarge = body.length > maxSyncBytes
  return {
    pledgedSrcSize: body.length,
    params: {
      [constants.ZSTD_c_checksumFlag]: 1,
      [constants.ZSTD_c_compressionLevel]: isLarge ? 6 : 1,
      [constants.ZSTD_c_windowLog]: windowLog,
      // 0: as the level has it
      [constants.ZSTD_c_hashLog]: isLarge ? 0 : windowLog - 3,
      [constants.ZSTD_c_minMatch]: isLarge ? 0 : 7,
    },
    ...dictionaryOf(before),
  }
}

function unpacking({ size }: ZstdFrame, before?: Uint8Array): ZstdOptions {
  return {
    params: { [constants.ZSTD_d_windowLogMax]: windowLogOf(size, before) },
    maxOutputLength: Math.max(1, size),
    chunkSize: Math.max(64, size),
    ...dictionaryOf(before),
  }
}

/** A window over both bodies, from the smallest to the largest that zstd takes by default. */
function windowLogOf(size: number, before?: Uint8Array): number {
  return Math.min(27, Math.max(10, Math.ceil(Math.log2(size + (before?.length ?? 0) + 1))))
}

function dictionaryOf(before?: Uint8Array): Pick<ZstdOptions, 'dictionary'> {
  if (!before || before.length === 0) return {}
  return { dictionary: Buffer.from(before.buffer, before.byteOffset, before.length) }
}

function check({ size }: ZstdFrame, unpacked: () => Uint8Array): Uint8Array {
  let body: Uint8Array
  try {
    body = unpacked()
  } catch (cause) {
    return refuse(cause)
  }
  return body.length === size ? body : refuse(new Error(`${body.length} bytes instead of ${size}`))
}

function refuse(cause: unknown): never {
  throw new ProxyError('protocol', 'metrics from a peer can’t be unpacked to what it announced', { cause })
}
