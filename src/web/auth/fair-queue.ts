// A queue that is fair between groups: the groups that wait take turns, one item each. Bounded for each group and in the
// sum; when the queue is full, a group with few items displaces the last item of the largest group.

interface FairQueueLimits {
  readonly maxItems: number
  readonly maxPerGroup: number
}

interface FairQueue<T> {
  /** Returns the item that has no room, if any: a displaced one, or this one itself. */
  add(group: string, item: T): T | undefined
  next(): T | undefined
}

export function createFairQueue<T>({ maxItems, maxPerGroup }: FairQueueLimits): FairQueue<T> {
  /** Never empty ones. The first is next. */
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
