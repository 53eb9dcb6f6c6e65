// The bytes of a page and its lines: where two versions of one differ, and how many lines lie between.

const NEWLINE = 10
const FOUR_NEWLINES = 0x0a0a0a0a
const LOW_BITS = 0x7f7f7f7f

/** What two pages have in common from two places on. */
export interface Stretch {
  bytes: number
  /** How many lines end in it. */
  lines: number
}

/** Compares eight bytes at a time, and counts in passing: most are the same. Says it in `found`, to leave no garbage. */
export function compare(one: DataView, i: number, two: DataView, j: number, found: Stretch): void {
  const most = Math.min(one.byteLength - i, two.byteLength - j)
  let [n, lines, ends] = [0, 0, 0]
  for (; n + 8 <= most; n += 8) {
    const [first, second] = [two.getInt32(j + n, true), two.getInt32(j + n + 4, true)]
    if (((one.getInt32(i + n, true) ^ first) | (one.getInt32(i + n + 4, true) ^ second)) !== 0) break
    ends += newlines(first) + newlines(second)
    if ((n & fullAfter) !== fullAfter) continue
    lines += sumOf(ends)
    ends = 0
  }
  lines += sumOf(ends)
  for (; n < most; n++) {
    const byte = two.getUint8(j + n)
    if (one.getUint8(i + n) !== byte) break
    if (byte === NEWLINE) lines++
  }
  found.bytes = n
  found.lines = lines
}

/** So many bytes, eight less, after which one of four counters, to each of which two are added at most, could be full. */
const fullAfter = 0x1f8

/** How many lines end between two places. */
export function linesIn(page: DataView, start: number, end: number): number {
  let count = 0
  for (let at = start; at < end; at++) if (page.getUint8(at) === NEWLINE) count++
  return count
}

function sumOf(counters: number): number {
  const pairs = (counters & 0xff00ff) + ((counters >>> 8) & 0xff00ff)
  return (pairs & 0xffff) + (pairs >>> 16)
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
