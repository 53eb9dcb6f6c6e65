// A hash table from 32-bit hashes to numbers, for hundreds of thousands of series a page: two flat arrays,
// no object a series.

export class Table {
  private hashes: Int32Array
  /** The number plus one, so that a fresh array is empty. */
  private numbers: Int32Array
  private size = 0

  constructor(expected: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(16, 2 * expected)))
    this.hashes = new Int32Array(slots)
    this.numbers = new Int32Array(slots)
  }

  /** Puts the number in if the hash is new and returns -1, else returns the number that has it already. */
  insert(hash: number, number: number): number {
    const { hashes, numbers } = this
    const last = numbers.length - 1
    for (let slot = hash & last; ; slot = (slot + 1) & last) {
      if (numbers[slot] === 0) {
        hashes[slot] = hash
        numbers[slot] = number + 1
        if (++this.size * 2 > last) this.grow()
        return -1
      }
      if (hashes[slot] === hash) return numbers[slot]! - 1
    }
  }

  private grow(): void {
    const larger = new Table(this.numbers.length)
    this.numbers.forEach((number, slot) => {
      if (number !== 0) larger.insert(this.hashes[slot]!, number - 1)
    })
    this.hashes = larger.hashes
    this.numbers = larger.numbers
  }
}

/** What two hashes that are the same for two different things are made different with, in the same way each time. */
export const nextHash = (hash: number) => (hash + 0x9e3779b9) | 0
