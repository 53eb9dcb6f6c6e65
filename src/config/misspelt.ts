// Variables that look like ours but aren't.

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
  return a === b || (b.length >= 7 && oneEditApart(a, b))
}

function oneEditApart(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start += 1
  const [restA, restB] = [a.slice(start), b.slice(start)]
  return (
    restA.slice(1) === restB ||
    restA === restB.slice(1) ||
    restA.slice(1) === restB.slice(1) ||
    (restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2))
  )
}
