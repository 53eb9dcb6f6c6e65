// Damage to bytes that mean something: what a broken wire, another program or an attacker would send.

import type { Random } from '../../test/exposition/corpus/random.ts'

interface Damaged {
  readonly bytes: Buffer
  /** Before here nothing was changed. */
  readonly from: number
}

/** With one to four wounds. */
export function damaged(whole: Uint8Array, random: Random): Damaged {
  let bytes: Buffer = Buffer.from(whole)
  let from = bytes.length
  for (let wounds = 1 + random.below(4); wounds > 0; wounds--) {
    const at = random.below(bytes.length + 1)
    from = Math.min(from, at)
    bytes = wounded(bytes, at, random)
  }
  return { bytes, from }
}

/** Into pieces of all sizes, of which some are empty. */
export function cut(bytes: Buffer, random: Random): readonly Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = random.below(random.one([2, 8, 500]))
    chunks.push(bytes.subarray(at, at + length))
    at += length
  }
  return chunks
}

function wounded(bytes: Buffer, at: number, random: Random): Buffer {
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
  const length = 1 + random.below(random.one([1, 4, 50]))
  switch (random.below(6)) {
    case 0:
      return Buffer.concat([before, after.subarray(length)])
    case 1:
      return Buffer.concat([before, noise(length, random), after])
    case 2:
      return Buffer.concat([before, noise(length, random), after.subarray(length)])
    case 3:
      return Buffer.concat([before, after.subarray(0, length), after])
    case 4:
      return Buffer.concat([before, flipped(after, random)])
    default:
      return Buffer.from(before)
  }
}

/** Mostly the bytes that end, begin or announce something. */
function noise(length: number, random: Random): Buffer {
  const any = () => random.below(256)
  return Buffer.from(Array.from({ length }, () => random.one([0, 0x7f, 0x80, 0xff, 0x22, 0x5b, 0x2c, any()])))
}

function flipped(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes)
  if (copy.length > 0) copy[0] = copy[0]! ^ (1 << random.below(8))
  return copy
}
