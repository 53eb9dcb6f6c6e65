// Whole numbers in as few bytes as they need: seven bits each, the eighth says that more follow.

/** Bytes one after the other, in memory that is used again once it is cleared. */
export interface ByteWriter {
  varint(value: number): void
  byte(value: number): void
  /** The bytes of `from` from `start` to `end`. One by one: they are few. */
  copy(from: Uint8Array, start: number, end: number): void
  /** Leaves nothing here. */
  moveTo(other: ByteWriter): void
  length(): number
  /** What was written; gone with the next clearing. */
  bytes(): Uint8Array
  clear(): void
}

export function byteWriter(): ByteWriter {
  let memory = new Uint8Array(64)
  let length = 0

  function room(bytes: number): void {
    if (length + bytes <= memory.length) return
    const larger = new Uint8Array(2 * (length + bytes))
    larger.set(memory)
    memory = larger
  }

  return {
    varint(value) {
      room(longest)
      let rest = value
      while (rest >= 128) {
        memory[length++] = (rest % 128) + 128
        rest = Math.floor(rest / 128)
      }
      memory[length++] = rest
    },
    byte(value) {
      room(1)
      memory[length++] = value
    },
    copy(from, start, end) {
      room(end - start)
      for (let at = start; at < end; at += 1) memory[length++] = from[at]!
    },
    moveTo(other) {
      if (length > 0) other.copy(memory, 0, length)
      length = 0
    },
    length: () => length,
    bytes: () => memory.subarray(0, length),
    clear() {
      length = 0
    },
  }
}

/** Of any whole number. */
const longest = 8

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
