// A hash table from 32-bit hashes to numbers, for hundreds of thousands of series a page: one flat array, no
// object a series.

/** Of a million hashes about a hundred are alike by chance. */
const mostMistaken = 10_000

export class Table {
  /** A slot is two numbers: the hash, and the number plus one, so that a fresh array is empty. */
  private slots: Int32Array
  private size = 0
  private mistaken = 0

  constructor(expected: number) {
    this.slots = new Int32Array(2 * 2 ** Math.ceil(Math.log2(Math.max(16, 2 * expected))))
  }

  /**
   * Puts the number in if what it stands for is new and returns -1, else returns the number that stands for the
   * same already. What only hashes alike is told apart by `isSame`, as long as that happens now and then.
   */
  add(hash: number, number: number, isSame: (known: number) => boolean): number {
    for (let next = hash; ; next = nextHash(next)) {
      const known = this.insert(next, number)
      if (known < 0 || isSame(known)) return known
      // a page made to collide is to cost no more than another
      if (++this.mistaken > mostMistaken) return -1
    }
  }

  private insert(hash: number, number: number): number {
    const { slots } = this
    const mask = slots.length - 2
    for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
      if (slots[at + 1] === 0) {
        slots[at] = hash
        slots[at + 1] = number + 1
        if (++this.size * 4 > mask) this.grow()
        return -1
      }
      if (slots[at] === hash) return slots[at + 1]! - 1
    }
  }

  private grow(): void {
    const { slots } = this
    const larger = new Table(slots.length / 2)
    for (let at = 0; at < slots.length; at += 2)
      if (slots[at + 1] !== 0) larger.insert(slots[at]!, slots[at + 1]! - 1)
    this.slots = larger.slots
  }
}

/** What two hashes that are the same for two different things are made different with, in the same way each time. */
const nextHash = (hash: number) => (hash + 0x9e3779b9) | 0
