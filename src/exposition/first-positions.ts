// Where each hash first occurs: a hash table without an object for an entry, since metrics have tens of thousands.

export interface FirstPositions {
  /** The position with which the hash was first added; undefined if that is now. */
  add(hash: number, position: number): number | undefined
}

export function createFirstPositions(): FirstPositions {
  /** Hash and position, one after the other, for each entry; the position is 0 where there is none. */
  let slots = new Int32Array(2 * 256)
  let count = 0

  /** The slot of the hash, or the free one where it belongs. */
  function slotOf(hash: number): number {
    const last = slots.length - 2
    let slot = (2 * hash) & last
    while (slots[slot + 1] !== 0 && slots[slot] !== hash) slot = (slot + 2) & last
    return slot
  }

  function put(slot: number, hash: number, position: number): void {
    slots[slot] = hash
    slots[slot + 1] = position
  }

  function grow(): void {
    const before = slots
    slots = new Int32Array(2 * before.length)
    for (let slot = 0; slot < before.length; slot += 2)
      if (before[slot + 1] !== 0) put(slotOf(before[slot]!), before[slot]!, before[slot + 1]!)
  }

  return {
    add(hash, position) {
      const slot = slotOf(hash)
      const known = slots[slot + 1]!
      if (known !== 0) return known - 1
      put(slot, hash, position + 1)
      // at most half full, so that a free slot is near
      if (++count > slots.length / 4) grow()
      return undefined
    },
  }
}
