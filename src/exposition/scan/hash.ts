// Hashes of parts of a series, four bytes at a time. Not for secrets: what hashes alike is compared.

import { randomInt } from 'node:crypto'

/** Differs from start to start, so that no page can be made to collide. */
const seed = randomInt(2 ** 31)

/** What a part is; the same bytes as another kind of part hash differently. */
export const Part = { name: seed, label: seed ^ 0x9e3779b9, time: seed ^ 0x7f4a7c15 } as const

export function hashOf(view: DataView, from: number, to: number, part: number): number {
  let hash = part ^ (to - from)
  let i = from
  for (; i + 4 <= to; i += 4) {
    hash = Math.imul(hash ^ view.getInt32(i, true), 0x5bd1e995)
    hash ^= hash >>> 15
  }
  for (; i < to; i++) hash = Math.imul(hash ^ view.getUint8(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
  return hash ^ (hash >>> 13)
}

const encoder = new TextEncoder()

/** The hash of a label as if it were written in the plain way. */
export function labelHashOf(name: string, value: string): number {
  const written = encoder.encode(`${name}="${value}`)
  return hashOf(new DataView(written.buffer), 0, written.length, Part.label)
}
