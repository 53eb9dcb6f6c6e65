// Randomness with a seed, so that what was found can be found again.

export interface Random {
  /** From 0 to below `bound`. */
  below(bound: number): number
  one<T>(choices: readonly T[]): T
  chance(probability: number): boolean
}

export function seeded(seed: number): Random {
  let state = seed >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (bound: number) => Math.floor(next() * bound)
  return {
    below,
    one: (choices) => choices[below(choices.length)]!,
    chance: (probability) => next() < probability,
  }
}
