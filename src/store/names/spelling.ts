// What people may have meant: pure functions over names.

/** The name under which the original of this proxy served a container: second field by `_`, cut at the first dot. */
export function shortened(name: string): string {
  const fields = name.split('_')
  return (fields[1] ?? name).split('.')[0]!
}

const mostSuggestions = 5

/** The known names that look most like `asked`, best first; few, and none that is far off. */
export function nearMisses(asked: string, known: Iterable<string>): readonly string[] {
  const wanted = asked.toLowerCase()
  const limit = Math.min(3, Math.max(1, Math.floor(wanted.length / 3)))
  const found: { name: string; distance: number }[] = []
  for (const name of known) {
    const distance = distanceWithin(limit, wanted, name.toLowerCase())
    if (distance !== undefined) found.push({ name, distance })
  }
  return found
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, mostSuggestions)
    .map(({ name }) => name)
}

/**
 * The number of letters to add, drop, change or swap with the next, if it is at most `limit`: only the band
 * that can still matter is filled in.
 */
function distanceWithin(limit: number, a: string, b: string): number | undefined {
  if (Math.abs(a.length - b.length) > limit) return undefined
  const blank = () => new Array<number>(b.length + 1).fill(limit + 1)
  let [last, row] = [blank(), Array.from({ length: b.length + 1 }, (_, column) => column)]
  for (let line = 1; line <= a.length; line += 1) {
    const next = blank()
    if (line <= limit) next[0] = line
    const to = Math.min(b.length, line + limit)
    for (let column = Math.max(1, line - limit); column <= to; column += 1) {
      const changed = row[column - 1]! + (a[line - 1] === b[column - 1] ? 0 : 1)
      const isSwap = column > 1 && a[line - 1] === b[column - 2] && a[line - 2] === b[column - 1]
      const swapped = isSwap ? last[column - 2]! + 1 : changed
      next[column] = Math.min(changed, swapped, row[column]! + 1, next[column - 1]! + 1)
    }
    ;[last, row] = [row, next]
  }
  const distance = row[b.length]!
  return distance <= limit ? distance : undefined
}
