// What stands twice among very many things, each known by its hash. To look each up in a table costs more than to
// read it from the page, since the table doesn't fit into the nearest caches. So each sets one bit among many. Those
// that find theirs set are few, and only what could be their like is put into a table, in the end.

import { Table } from './table.ts'

/** So many that few find their bit set by something else, and that few of all are taken for one of those. */
const bitsPerThing = 16
const bitsPerDoubt = 64

export class Repeats {
  private hashes: Int32Array
  private numbers: Int32Array
  private size = 0
  private seen: Bits
  /** The hashes that found their bit set. */
  private doubts: number[] = []

  constructor(expected: number) {
    const capacity = Math.max(64, Math.ceil(expected))
    this.hashes = new Int32Array(capacity)
    this.numbers = new Int32Array(capacity)
    this.seen = new Bits(bitsPerThing * capacity)
  }

  /** One more, under a number of its own. */
  add(hash: number, number: number): void {
    if (this.size === this.hashes.length) this.grow()
    this.hashes[this.size] = hash
    this.numbers[this.size++] = number
    if (this.seen.set(hash)) this.doubts.push(hash)
  }

  /** Tells of each that is the same as one before it: its number, and that of the first. In the order of adding. */
  find(
    isSame: (first: number, again: number) => boolean,
    tell: (first: number, again: number) => void,
  ): void {
    const { hashes, numbers, size, doubts } = this
    if (doubts.length === 0) return
    const doubtful = new Bits(bitsPerDoubt * doubts.length)
    for (const hash of doubts) doubtful.set(hash)
    const table = new Table(2 * doubts.length)
    for (let at = 0; at < size; at++) {
      if (!doubtful.has(hashes[at]!)) continue
      const number = numbers[at]!
      const first = table.add(hashes[at]!, number, (known) => isSame(known, number))
      if (first >= 0) tell(first, number)
    }
  }

  private grow(): void {
    const { hashes, numbers, size } = this
    const larger = new Repeats(2 * size)
    for (let at = 0; at < size; at++) larger.add(hashes[at]!, numbers[at]!)
    this.hashes = larger.hashes
    this.numbers = larger.numbers
    this.seen = larger.seen
    this.doubts = larger.doubts
  }
}

/** A set of hashes, with some more by mistake: a hash's lowest bits say which bit of a word it is, those above which word. */
class Bits {
  private readonly words: Int32Array

  constructor(least: number) {
    this.words = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(32, least) / 32)))
  }

  has(hash: number): boolean {
    const { words } = this
    return (words[(hash >>> 5) & (words.length - 1)]! & (1 << hash)) !== 0
  }

  /** Adds the hash, and says whether it was in already. */
  set(hash: number): boolean {
    const { words } = this
    const at = (hash >>> 5) & (words.length - 1)
    const before = words[at]!
    words[at] = before | (1 << hash)
    return (before & (1 << hash)) !== 0
  }
}
