// Randomness of a simulation: all of it follows from one seed. Each part of the world draws from a source of its
// own, so that an event that is taken out of a scenario doesn't change what happens elsewhere.

import { createHash } from 'node:crypto'
import { type Random as Seeded, seeded } from '../exposition/corpus/random.ts'

export interface Random extends Seeded {
  /** A whole number, both ends included. */
  between(from: number, to: number): number
  bytes(size: number): Buffer
  /** A source of its own: the same for the same name, whatever was drawn from this one. */
  fork(name: string): Random
}

export function createRandom(seed: string): Random {
  const base = seeded(createHash('sha256').update(seed).digest().readUInt32LE())
  return {
    ...base,
    between: (from, to) => from + base.below(to - from + 1),
    bytes: (size) => Buffer.from(Array.from({ length: size }, () => base.below(256))),
    fork: (name) => createRandom(`${seed}/${name}`),
  }
}
