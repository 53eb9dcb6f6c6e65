// What stands twice among very many things, each known by its hash. To look each up in a table costs more than to
// read it from the page, since the table doesn't fit into the nearest caches. So each sets one bit among many. The few
// that find theirs set, and those that set it, are put into a table in the end.

import { Table } from './table.ts'

/** So that hardly one in twenty finds its bit set by something else. */
const bitsPerThing = 16

export class Repeats {
  private hashes: Int32Array
  private numbers: Int32Array
  private size = 0
  private seen: Int32Array
  /** The bits that were set more than once. */
  private doubtful: Int32Array
  private doubts = 0

  constructor(expected: number) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(64, expected)))
    this.hashes = new Int32Array(capacity)
    this.numbers = new Int32Array(capacity)
    this.seen = new Int32Array((capacity * bitsPerThing) / 32)
    this.doubtful = new Int32Array(this.seen.length)
  }

  /** One more, under a number of its own. */
  add(hash: number, number: number): void {
    if (this.size === this.hashes.length) this.grow()
    this.hashes[this.size] = hash
    this.numbers[this.size++] = number
    this.mark(hash)
  }

  /** Tells of each that is the same as one before it: its number, and that of the first. In the order of adding. */
  find(
    isSame: (first: number, again: number) => boolean,
    tell: (first: number, again: number) => void,
  ): void {
    if (this.doubts === 0) return
    const table = new Table(2 * this.doubts)
    for (let at = 0; at < this.size; at++) {
      const hash = this.hashes[at]!
      if ((this.doubtful[wordOf(hash, this.doubtful)]! & (1 << hash)) === 0) continue
      const number = this.numbers[at]!
      const first = table.add(hash, number, (known) => isSame(known, number))
      if (first >= 0) tell(first, number)
    }
  }

  private mark(hash: number): void {
    const { seen } = this
    const word = wordOf(hash, seen)
    const bit = 1 << hash
    const before = seen[word]!
    if ((before & bit) === 0) seen[word] = before | bit
    else {
      this.doubtful[word] = this.doubtful[word]! | bit
      this.doubts++
    }
  }

  private grow(): void {
    const { hashes, numbers, size } = this
    const larger = new Repeats(2 * size)
    for (let at = 0; at < size; at++) larger.add(hashes[at]!, numbers[at]!)
    Object.assign(this, larger)
  }
}

/** The lowest bits say which bit of a word it is, those above them which word. */
const wordOf = (hash: number, bits: Int32Array) => (hash >>> 5) & (bits.length - 1)
