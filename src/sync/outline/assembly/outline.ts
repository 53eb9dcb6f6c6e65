// The outline of a page: for each of its lines a hash of its head, which names the series or is the whole comment, the
// sizes of head and tail, and the tail, which has the value, as it is.

import { at, BLOCK, CLOSE, HASH, lineEnd, NEWLINE, OPEN, SPACE } from '../../../assembly/bytes'
import { firstOf, hashOf, sow } from '../../../assembly/hash'
import { grow } from '../../../assembly/memory'

/** Where the page is to be put. */
export const page: usize = (__heap_base + 15) & ~15
/** Where its outline is then. */
export let outline: usize = 0
let most: usize = 0

/** What a line has before its tail, which takes up whole words. */
namespace Line {
  export const hash: usize = 0
  export const sizes: usize = 8
  export const tail: usize = 12
}
/** The sizes have one word: so many bits of it, and the others. */
const tailBits = 8
const mostTail: usize = (1 << tailBits) - 1
const mostHead: usize = (1 << (32 - tailBits)) - 1

/** Makes room for a page of so many bytes, and for an outline that is about twice as large. Whether there is memory for it. */
export function makeRoom(size: usize, seed: u64): bool {
  sow(seed)
  outline = (page + size + 64) & ~15
  most = 2 * size + (1 << 16)
  return grow(outline + most + Line.tail + mostTail + BLOCK)
}

/** How many words the outline has of the page, which has so many bytes; 0 if that would be too many. */
export function read(size: usize): usize {
  const end = page + size
  store<u8>(end, NEWLINE)
  let next = outline
  for (let from = page; from <= end; ) {
    if (next > outline + most) return 0
    const value = valueStart(from)
    const to = lineEnd(value)
    const tail = to - value > mostTail ? to : value
    if (tail - from > mostHead) return 0
    store<u64>(next, hashOf(from, tail), Line.hash)
    store<u32>(next, ((tail - from) << tailBits) | (to - tail), Line.sizes)
    next = copy(tail, to - tail, next + Line.tail)
    from = to + 1
  }
  return (next - outline) / 4
}

/** Where the value begins in the line at `from`, after the first blank behind the name or the labels; else where the line ends. */
function valueStart(from: usize): usize {
  if (at(from) === HASH) return lineEnd(from)
  let hasLabels = false
  let i = from
  while (true) {
    const block = v128.load(i)
    const opening = i8x16.bitmask(i8x16.eq(block, i8x16.splat(OPEN)))
    const blank = i8x16.eq(block, i8x16.splat(SPACE))
    const newline = i8x16.eq(block, i8x16.splat(NEWLINE))
    for (let stops = i8x16.bitmask(v128.or(blank, newline)); stops !== 0; stops &= stops - 1) {
      const stop = i + ctz(stops)
      if (at(stop) === NEWLINE) return stop
      const before = (stops & -stops) - 1
      if (at(stop - 1) === CLOSE || !(hasLabels || (opening & before) !== 0)) return stop + 1
    }
    hasLabels = hasLabels || opening !== 0
    i += BLOCK
  }
}

/** Copies so many bytes, and zeros up to a whole word. Returns where that ends. */
function copy(from: usize, size: usize, to: usize): usize {
  let done: usize = 0
  for (; done + BLOCK <= size; done += BLOCK) v128.store(to + done, v128.load(from + done))
  v128.store(to + done, firstOf(v128.load(from + done), size - done))
  return to + ((size + 3) & ~3)
}
