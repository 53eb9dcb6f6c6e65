// The bytes of a page and its lines: where two versions of one differ, and how many lines lie between.

const NEWLINE = 10
const FOUR_NEWLINES = 0x0a0a0a0a
const LOW_BITS = 0x7f7f7f7f

/** How many bytes are the same from `i` and `j` on. Eight at a time, since most are. */
export function samePrefix(one: DataView, i: number, two: DataView, j: number): number {
  const most = Math.min(one.byteLength - i, two.byteLength - j)
  let n = 0
  while (
    n + 8 <= most &&
    one.getInt32(i + n) === two.getInt32(j + n) &&
    one.getInt32(i + n + 4) === two.getInt32(j + n + 4)
  )
    n += 8
  while (n < most && one.getUint8(i + n) === two.getUint8(j + n)) n++
  return n
}

/** How many lines end between two places. Four bytes at a time: a zero byte is left where there was a newline. */
export function linesIn(page: DataView, start: number, end: number): number {
  let count = 0
  let at = start
  for (; at + 4 <= end; at += 4) {
    const odd = page.getInt32(at) ^ FOUR_NEWLINES
    const zeros = ~(((odd & LOW_BITS) + LOW_BITS) | odd | LOW_BITS)
    if (zeros !== 0) count += Math.imul((zeros >>> 7) & 0x01010101, 0x01010101) >>> 24
  }
  for (; at < end; at++) if (page.getUint8(at) === NEWLINE) count++
  return count
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
