// Bytes and words in the page, looked at in blocks of sixteen. Nothing here asks where the page ends: what is read
// always ends in a newline, at which each search stops, and there is memory behind it.

export const NEWLINE: u8 = 10
export const SPACE: u8 = 32
export const QUOTE: u8 = 34
export const HASH: u8 = 35
export const COMMA: u8 = 44
export const DOT: u8 = 46
export const EQUALS: u8 = 61
export const BACKSLASH: u8 = 92
export const LETTER_N: u8 = 110
export const OPEN: u8 = 123
export const CLOSE: u8 = 125

const NUL: u8 = 0
const TAB: u8 = 9
const PLUS: u8 = 43
export const MINUS: u8 = 45
export const ZERO: u8 = 48
const UNDERSCORE: u8 = 95
const LETTER_A: u8 = 97

/** How many bytes are looked at together. */
export const BLOCK: usize = 16

export function at(place: usize): u8 {
  return load<u8>(place)
}

export function isDigit(byte: u8): bool {
  return <u8>(byte - ZERO) < 10
}

export function isSign(byte: u8): bool {
  return byte === PLUS || byte === MINUS
}

export function isBlank(byte: u8): bool {
  return byte === SPACE || byte === TAB
}

export function skipBlanks(place: usize): usize {
  while (isBlank(at(place))) place++
  return place
}

/** The letters, eight at most, as one number; a string has two bytes for each. */
export function word(letters: string): u64 {
  const wide = v128.load(changetype<usize>(letters))
  const all = v128.extract_lane<u64>(i8x16.narrow_i16x8_u(wide, wide), 0)
  return all & (<u64>-1 >> (64 - 8 * letters.length))
}

/** Whether the word, of so many letters, stands at the place. */
export function isAt(place: usize, word: u64, size: i32): bool {
  return (load<u64>(place) ^ word) << (64 - 8 * size) === 0
}

/** How many of the block's first bytes are letters, underscores, or digits, of which there may be more than ten. */
export function wordPart(block: v128, lastDigit: u8): usize {
  const lower = v128.or(block, i8x16.splat(0x20))
  const letter = i8x16.le_u(i8x16.sub(lower, i8x16.splat(LETTER_A)), i8x16.splat(25))
  const digit = i8x16.le_u(i8x16.sub(block, i8x16.splat(ZERO)), i8x16.splat(lastDigit))
  const underscore = i8x16.eq(block, i8x16.splat(UNDERSCORE))
  return firstNot(v128.or(v128.or(letter, digit), underscore))
}

/** With how many bytes, up to `most` or a few more, both places begin alike. */
export function sameHead(one: usize, other: usize, most: usize): usize {
  let same: usize = 0
  while (same < most) {
    const alike = firstNot(i8x16.eq(v128.load(one + same), v128.load(other + same)))
    same += alike
    if (alike < BLOCK) break
  }
  return same
}

export function digitsEnd(from: usize): usize {
  let i = from
  while (true) {
    const digit = i8x16.le_u(i8x16.sub(v128.load(i), i8x16.splat(ZERO)), i8x16.splat(9))
    const count = firstNot(digit)
    i += count
    if (count < BLOCK) return i
  }
}

/** Where the line ends in which `place` lies. */
export function lineEnd(place: usize): usize {
  let i = place
  while (true) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(i), i8x16.splat(NEWLINE)))
    if (found !== 0) return i + ctz(found)
    i += BLOCK
  }
}

export function hasNul(from: usize, to: usize): bool {
  for (let i = from; i < to; i++) if (at(i) === NUL) return true
  return false
}

/** How many bytes come before the first that isn't marked. */
function firstNot(marks: v128): usize {
  return ctz(~i8x16.bitmask(marks))
}
