// Whole numbers in as few bytes as they need: seven bits each, the eighth says that more follow.

export function byteWriter() {
  const bytes: number[] = []
  return {
    varint(value: number) {
      let rest = value
      while (rest >= 128) {
        bytes.push((rest % 128) + 128)
        rest = Math.floor(rest / 128)
      }
      bytes.push(rest)
    },
    length: () => bytes.length,
    bytes: () => Uint8Array.from(bytes),
  }
}

/** Throws at the end of the bytes and at a number that is too large to be meant. */
export function byteReader(bytes: Uint8Array) {
  let at = 0
  return {
    varint(): number {
      let value = 0
      for (let scale = 1; scale <= 128 ** 5; scale *= 128) {
        const byte = bytes[at]
        if (byte === undefined) throw new Error('the bytes end within a number')
        at += 1
        value += (byte % 128) * scale
        if (byte < 128) return value
      }
      throw new Error('the number is too large')
    },
    at: () => at,
    isEnd: () => at >= bytes.length,
  }
}
