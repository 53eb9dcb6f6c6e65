// The body of a page, whichever form it is held in.

import { gunzipSync } from 'node:zlib'
import type { Page } from '../model.ts'
import { wake } from './resting.ts'

/** The page as the container wrote it. Throws where a peer sent something else than it announced. */
export function bodyOf({ content, size }: Page): Uint8Array {
  if (content.kind === 'plain') return content.bytes
  if (content.kind === 'deltas') return wake(content, size)
  // zlib takes no limit of 0
  return size === 0 ? empty : gunzipSync(content.bytes, { maxOutputLength: size, chunkSize: roomFor(size) })
}

const empty = new Uint8Array()

/** All of it in one piece, and one byte to see its end; zlib wants 64 at the least. */
const roomFor = (size: number) => Math.max(64, size + 1)
