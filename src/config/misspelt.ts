// Variables that look like ours but aren't.

import { nearMisses } from '../runtime/spelling.ts'

/** One warning for each of `given` that was probably meant to be one of `names`. */
export function misspelt(given: readonly string[], names: readonly string[]): string[] {
  return given
    .filter((one) => !names.includes(one))
    .flatMap((one) => {
      const meant = names.find((name) => looksLike(one, name))
      return meant ? [`${one} is not a variable of app-metrics-proxy; ${meant} is`] : []
    })
}

/** Alike but for separators and case, or one letter missing, added, changed or swapped in a name long enough to tell. */
function looksLike(given: string, name: string): boolean {
  const plain = (text: string) => text.toUpperCase().replaceAll(/[^A-Z0-9]/g, '')
  const [a, b] = [plain(given), plain(name)]
  return a === b || (b.length >= 7 && nearMisses(a, [b], 1).length > 0)
}
