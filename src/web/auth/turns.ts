// A queue that is fair between groups: of each group that waits, one item after another has its turn. Bounded
// for each group and in the sum; in a full queue, a group with few items displaces the last of the largest.

interface Bounds {
  readonly maxItems: number
  readonly maxPerGroup: number
}

export interface Turns<T> {
  /** Returns the item that there is no room for, if any: a displaced one, or this one itself. */
  add(group: string, item: T): T | undefined
  /** Takes the item whose turn it is. */
  next(): T | undefined
}

export function createTurns<T>({ maxItems, maxPerGroup }: Bounds): Turns<T> {
  /** None is empty. In the order of their turns. */
  const groups = new Map<string, T[]>()
  let size = 0

  function largest(): T[] {
    return [...groups.values()].reduce((a, b) => (b.length > a.length ? b : a), [])
  }

  return {
    add(group, item) {
      const items = groups.get(group) ?? []
      if (items.length >= maxPerGroup) return item
      let displaced: T | undefined
      if (size >= maxItems) {
        const other = largest()
        if (other.length <= items.length + 1) return item
        displaced = other.pop()
        size -= 1
      }
      items.push(item)
      groups.set(group, items)
      size += 1
      return displaced
    },
    next() {
      const [first] = groups
      if (!first) return undefined
      const [group, items] = first
      groups.delete(group)
      const item = items.shift()
      if (items.length > 0) groups.set(group, items)
      size -= 1
      return item
    },
  }
}
