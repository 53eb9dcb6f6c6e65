// The bytes of a page and its lines: where two versions of one differ, and how many lines lie between.

const NEWLINE = 10
const FOUR_NEWLINES = 0x0a0a0a0a
const LOW_BITS = 0x7f7f7f7f

/** How many bytes are the same from `i` and `j` on. Sixteen at a time, since most are. */
export function samePrefix(one: DataView, i: number, two: DataView, j: number): number {
  const most = Math.min(one.byteLength - i, two.byteLength - j)
  let n = 0
  while (n + 16 <= most && (odd(one, i + n, two, j + n) | odd(one, i + n + 8, two, j + n + 8)) === 0) n += 16
  while (n < most && one.getUint8(i + n) === two.getUint8(j + n)) n++
  return n
}

/** Zero if eight bytes are the same. */
function odd(one: DataView, i: number, two: DataView, j: number): number {
  return (
    (one.getInt32(i, true) ^ two.getInt32(j, true)) | (one.getInt32(i + 4, true) ^ two.getInt32(j + 4, true))
  )
}

/** How many lines end between two places. Eight bytes at a time. */
export function linesIn(page: DataView, start: number, end: number): number {
  let count = 0
  let at = start
  for (; at + 8 <= end; at += 8) {
    const ends = newlines(page.getInt32(at, true)) + newlines(page.getInt32(at + 4, true))
    if (ends !== 0) count += Math.imul(ends, 0x01010101) >>> 24
  }
  for (; at < end; at++) if (page.getUint8(at) === NEWLINE) count++
  return count
}

/** A one in each of the four bytes that is a newline: what is left of that is zero. */
function newlines(four: number): number {
  const left = four ^ FOUR_NEWLINES
  return (~(((left & LOW_BITS) + LOW_BITS) | left | LOW_BITS) >>> 7) & 0x01010101
}

/** Where the line begins that holds `at`, if it isn't before `least`. */
export function lineStart(page: Uint8Array, at: number, least = 0): number {
  let start = at
  while (start > least && page[start - 1] !== NEWLINE) start--
  return start
}

/** Where the line ends that holds `at`: at its newline, or at the end of the page. */
export function lineEnd(page: Uint8Array, at: number): number {
  let end = at
  while (end < page.length && page[end] !== NEWLINE) end++
  return end
}

export const viewOf = (page: Uint8Array) => new DataView(page.buffer, page.byteOffset, page.byteLength)
