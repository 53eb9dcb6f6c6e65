// Whether something stands twice in the page, known by its hash. As in ../../repeats.ts, each sets one bit among many,
// and the few that find theirs set are looked at again in the end.

import { grow } from '../../../assembly/memory'

/** The bits, and as many others for those that were found set. Both are this mask and eight bytes long. */
let seen: usize = 0
let again: usize = 0
let mask: usize = 0
/** How many found their bit set. */
let doubts: usize = 0

/** All hashes, and where the next is to be. */
let hashes: usize = 0
let next: usize = 0
const HASH: usize = 8

/** Begins anew with the memory from `place` on, for a page of so many bytes. Whether there is enough. */
export function forget(place: usize, pageSize: usize): bool {
  let size: usize = 64
  // so that even of short lines few find the bit of another
  while (size * 32 < pageSize) size *= 2
  mask = size - 8
  seen = place
  again = seen + size
  hashes = again + size
  next = hashes
  doubts = 0
  if (!grow(hashes)) return false
  memory.fill(seen, 0, 2 * size)
  return true
}

/** Whether there is memory for so many more. */
export function makeRoom(count: usize): bool {
  return grow(next + HASH * count)
}

export function remember(hash: u64): void {
  store<u64>(next, hash)
  next += HASH
  const word = seen + wordOf(hash)
  const before = load<u64>(word)
  store<u64>(word, before | bitOf(hash))
  if ((before & bitOf(hash)) !== 0) doubt(hash)
}

function doubt(hash: u64): void {
  const word = again + wordOf(hash)
  store<u64>(word, load<u64>(word) | bitOf(hash))
  doubts++
}

/** Its lowest bits say which bit of a word it is, those above which word. */
function bitOf(hash: u64): u64 {
  return (<u64>1) << hash
}
function wordOf(hash: u64): usize {
  return <usize>(hash >> 6) & mask
}

/** Whether something came twice, or so much seems to that it isn't worth to find out. */
export function isRepeated(): bool {
  if (doubts === 0) return false
  const count = (next - hashes) / HASH
  return doubts > count / 4 + 64 || isAnyTwice()
}

/** Puts all those that could be others into a table, in the memory that is free. */
function isAnyTwice(): bool {
  let size: usize = 4 * HASH
  // two hashes for each doubt, and as much again
  while (size < 4 * HASH * doubts) size *= 2
  const table = next
  if (!grow(table + size)) return true
  memory.fill(table, 0, size)
  // a page made to collide is to cost no more than another
  let steps = 16 * doubts
  for (let i = hashes; i < next; i += HASH) {
    const hash = load<u64>(i)
    if ((load<u64>(again + wordOf(hash)) & bitOf(hash)) === 0) continue
    let slot = <usize>(hash >> 32) & (size - HASH)
    while (load<u64>(table + slot) !== 0) {
      if (load<u64>(table + slot) === hash || steps-- === 0) return true
      slot = (slot + HASH) & (size - HASH)
    }
    store<u64>(table + slot, hash)
  }
  return false
}
