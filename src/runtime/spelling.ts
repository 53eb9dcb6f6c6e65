// Similar names: what a person may have meant.

const maxSuggestions = 5

/** The known names most similar to `name`, best first: at most `maxDistance` letters differ. */
export function nearMisses(
  name: string,
  known: Iterable<string>,
  maxDistance = Math.min(3, Math.max(1, Math.floor(name.length / 3))),
): readonly string[] {
  const wanted = name.toLowerCase()
  const found: { readonly name: string; readonly distance: number }[] = []
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase(), maxDistance)
    if (distance <= maxDistance) found.push({ name: candidate, distance })
  }
  return found
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, maxSuggestions)
    .map(({ name }) => name)
}

/**
 * How many letters to add, drop, change or swap with the next one; `Infinity` as soon as it must exceed `max`, which
 * most names show by their first letters.
 */
function editDistance(a: string, b: string, max: number): number {
  if (Math.abs(a.length - b.length) > max) return Number.POSITIVE_INFINITY
  let before: readonly number[] = []
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row += 1) {
    const next = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const changed = last[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1)
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      const swapped = isSwap ? before[column - 2]! + 1 : changed
      next.push(Math.min(changed, swapped, last[column]! + 1, next[column - 1]! + 1))
    }
    if (Math.min(...next) > max) return Number.POSITIVE_INFINITY
    ;[before, last] = [last, next]
  }
  return last[b.length]!
}
