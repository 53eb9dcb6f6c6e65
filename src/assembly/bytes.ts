// Bytes and words in the page, looked at in blocks of sixteen. Nothing here asks where the page ends: what is read
// always ends in a newline, at which each search stops, and there is memory behind it.

export const NEWLINE: u8 = 10
export const SPACE: u8 = 32
export const HASH: u8 = 35
export const OPEN: u8 = 123
export const CLOSE: u8 = 125

/** How many bytes are looked at together. */
export const BLOCK: usize = 16

export function at(place: usize): u8 {
  return load<u8>(place)
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
