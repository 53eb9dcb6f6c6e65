// How near two words are: what people may have meant. Pure functions.

const mostSuggestions = 5

/** The known names that look most like `asked`, best first; few, and none that is more than `limit` letters off. */
export function nearMisses(
  asked: string,
  known: Iterable<string>,
  limit = Math.min(3, Math.max(1, Math.floor(asked.length / 3))),
): readonly string[] {
  const wanted = asked.toLowerCase()
  const distanceTo = distanceFrom(wanted, limit)
  const found: { name: string; distance: number }[] = []
  for (const name of known) {
    if (Math.abs(name.length - wanted.length) > limit) continue
    const distance = distanceTo(name.toLowerCase())
    if (distance <= limit) found.push({ name, distance })
  }
  return found
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, mostSuggestions)
    .map(({ name }) => name)
}

/**
 * The number of letters to add, drop, change or swap with the next, as far as it is at most `limit`. Only the
 * band of the table that can still matter is filled in, and only as long as it can: most names are told to be
 * far off by their first letters.
 */
export function distanceFrom(a: string, limit: number): (b: string) => number {
  const far = limit + 1
  const rows = [0, 1, 2].map(() => new Uint8Array(a.length + limit + 1))
  return (b) => {
    let [last, row, next] = rows as [Uint8Array, Uint8Array, Uint8Array]
    for (let column = 0; column <= b.length; column += 1) row[column] = Math.min(column, far)
    for (let line = 1; line <= a.length; line += 1) {
      const [from, to] = [Math.max(1, line - limit), Math.min(b.length, line + limit)]
      next.fill(far)
      if (line <= limit) next[0] = line
      let least = next[0]!
      for (let column = from; column <= to; column += 1) {
        const changed = row[column - 1]! + (a[line - 1] === b[column - 1] ? 0 : 1)
        const isSwap = column > 1 && a[line - 1] === b[column - 2] && a[line - 2] === b[column - 1]
        const swapped = isSwap ? last[column - 2]! + 1 : changed
        const distance = Math.min(changed, swapped, row[column]! + 1, next[column - 1]! + 1)
        next[column] = distance
        least = Math.min(least, distance)
      }
      if (least > limit) return far
      ;[last, row, next] = [row, next, last]
    }
    return row[b.length]!
  }
}
