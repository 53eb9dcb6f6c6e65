// Randomness of a simulation: all of it follows from one seed. Each part of the world draws from a source of its
// own, so that an event that is taken out of a scenario doesn't change what happens elsewhere.

import { type Random as Seeded, seeded } from '../exposition/corpus/random.ts'

export interface Random extends Seeded {
  /** A whole number, both ends included. */
  between(from: number, to: number): number
  bytes(size: number): Buffer
  /** A source of its own: the same for the same name, whatever was drawn from this one. */
  fork(name: string): Random
}

export function createRandom(seed: string): Random {
  const base = seeded(hashOf(seed))
  return {
    ...base,
    between: (from, to) => from + base.below(to - from + 1),
    bytes(size) {
      const bytes = Buffer.alloc(size)
      for (let at = 0; at < size; at += 1) bytes[at] = base.below(256)
      return bytes
    },
    fork: (name) => createRandom(`${seed}/${name}`),
  }
}

/** FNV-1a: each message's way through the network begins with one. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash
}
