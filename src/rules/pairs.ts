// `k=v,k2=v2`, as Docker Flow writes labels and annotations.

export interface Pairs {
  readonly values: Readonly<Record<string, string>>
  /** What isn't a pair, or has no name that Prometheus takes. */
  readonly odd: readonly string[]
}

/** A comma begins a new pair only where `name=` follows, so that values may hold commas; `\,` never does. */
export function pairsOf(text: string): Pairs {
  const values: Record<string, string> = {}
  const odd: string[] = []
  for (const piece of text.split(/(?<!\\),(?=\s*[^\s=,{}"]*=)/)) {
    const pair = /^\s*([a-zA-Z_]\w*)\s*=(.*)$/s.exec(piece)
    if (pair && !pair[1]!.startsWith('__')) values[pair[1]!] = pair[2]!.replaceAll('\\,', ',').trim()
    else if (piece.trim() !== '') odd.push(piece.trim())
  }
  return { values, odd }
}
