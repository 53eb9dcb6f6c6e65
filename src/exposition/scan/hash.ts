// Hashes of parts of a series, four bytes at a time. Not for secrets: what hashes alike is compared.

import { randomInt } from 'node:crypto'
import { escaped } from './escapes.ts'

/** Differs from start to start, so that no page can be made to collide. */
const seed = randomInt(2 ** 31)

/** What a part is; the same bytes as another kind of part hash differently. */
export const Part = {
  name: seed,
  label: seed ^ 0x1e3779b9,
  value: seed ^ 0x45d9f3b,
  time: seed ^ 0x7f4a7c15,
} as const

export function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1)
  return mixed ^ (mixed >>> 13)
}

/**
 * To be put together by exclusive or, which makes the same of any order and never leaves the integers, or to be looked
 * up by its lowest bits, each bit of a hash has to depend on all.
 */
export function finish(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return mixed ^ (mixed >>> 13)
}

/** What of a word are its first bytes, as many as that. */
export const firstOf = (word: number, bytes: number) => word & ((1 << (8 * bytes)) - 1)

export function hashOf(view: DataView, from: number, to: number, part: number): number {
  let hash = part
  let i = from
  for (; i + 4 <= to; i += 4) hash = mix(hash, view.getInt32(i, true))
  let rest = 0
  for (let at = to - 1; at >= i; at--) rest = (rest << 8) | view.getUint8(at)
  return mix(hash, rest)
}

/** To be looked up by itself. */
export const wholeHashOf = (view: DataView, from: number, to: number, part: number): number =>
  finish(hashOf(view, from, to, part))

export const labelHash = (name: number, value: number) => finish(mix(name, value))

/** The hash of a label as it would be written in the plain way. */
export const labelHashOf = (name: string, value: string) =>
  labelHash(textHashOf(name, Part.label), textHashOf(escaped(value), Part.value))

export function textHashOf(text: string, part: number): number {
  const bytes = Buffer.from(text)
  return hashOf(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length, part)
}
