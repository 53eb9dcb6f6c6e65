// Hashes of 64 bits: so many that hardly ever two of a page's series hash alike by chance. What is vouched for doesn't
// depend on how good they are: the same series always hash alike, and then the page isn't vouched for.

import { BLOCK } from './bytes'

let seed: u64 = 0

/** To differ from start to start, so that a page can't easily be made to collide. */
export function sow(by: u64): void {
  seed = by
}

/** The hash of nothing. */
export function begin(): u64 {
  return seed
}

export function mix(hash: u64, block: v128): u64 {
  const first = v128.extract_lane<u64>(block, 0) * 0x9e3779b97f4a7c15
  const second = rotl(v128.extract_lane<u64>(block, 1) * 0xd6e8feb86659fd93, 32)
  const mixed = (hash ^ first ^ second) * 0xff51afd7ed558ccd
  return mixed ^ (mixed >> 32)
}

/** The same for the last block of a text, of which only the first bytes belong to it. */
export function mixFirst(hash: u64, block: v128, bytes: usize): u64 {
  return mix(hash, firstOf(block, bytes))
}

/** The first bytes of the block, and zeros. */
export function firstOf(block: v128, bytes: usize): v128 {
  return v128.and(block, v128.load(masks + BLOCK - bytes))
}
const masks = memory.data<u64>([-1, -1, 0, 0], 16)

export function hashOf(from: usize, to: usize): u64 {
  let hash = begin()
  let i = from
  for (; i + BLOCK < to; i += BLOCK) hash = mix(hash, v128.load(i))
  return mixFirst(hash, v128.load(i), to - i)
}
