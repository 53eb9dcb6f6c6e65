// Pages between agents: deltas and packed bytes, damaged anywhere, give what their owner had or are refused; nothing
// unpacks to more than is allowed.

import { deepStrictEqual } from 'node:assert'
import { ProxyError } from '../../src/errors.ts'
import { applyDelta } from '../../src/sync/delta.ts'
import { fingerprint, pack, packDelta, unpack, unpackDelta } from '../../src/sync/pack.ts'
import { restFull, restSteps, wake } from '../../src/sync/resting.ts'
import { generatePage } from '../../test/exposition/corpus/generate.ts'
import { mutated } from '../../test/exposition/corpus/mutate.ts'
import type { Random } from '../../test/exposition/corpus/random.ts'
import { deltaBetween } from '../../test/sync/deltas.ts'
import { damaged } from './damage.ts'
import type { Engine } from './engine.ts'

interface Trial {
  /** What is sent of it, before it is damaged. */
  send(from: Buffer, to: Buffer): Uint8Array
  /** What is made of what arrives. */
  take(bytes: Uint8Array, from: Buffer, to: Buffer): Uint8Array
  /** The most that may be made. */
  most(bytes: Uint8Array, from: Buffer, to: Buffer): number
  /** Whether it is refused in the way that is meant. */
  isRefusal(error: unknown): boolean
  /** Whether nothing but the page itself may come out. */
  readonly isGuarded?: true
}

const version = (number: number, page: Uint8Array) => ({
  number,
  print: fingerprint(page),
  size: page.length,
})
const isZlibs = (error: unknown) => typeof (error as { code?: unknown }).code === 'string'

const trials: Readonly<Record<string, Trial>> = {
  'a delta': {
    send: deltaBetween,
    take: (bytes, from) => applyDelta(from, bytes),
    most: (bytes, from) => bytes.length + from.length,
    isRefusal: (error) => /^the (delta|bytes|number)/.test((error as Error).message),
  },
  'a packed delta': {
    send: (from, to) => packDelta(deltaBetween(from, to)),
    take: (bytes, _, to) => unpackDelta(bytes, to.length),
    most: (_bytes, _from, to) => to.length,
    isRefusal: isZlibs,
  },
  'a packed page': {
    send: (_, to) => pack(to),
    take: (bytes, _, to) => unpack(bytes, to.length),
    most: (_bytes, _from, to) => to.length,
    isRefusal: isZlibs,
  },
  'a page at rest': {
    send: (from, to) => packDelta(deltaBetween(from, to)),
    take: (bytes, from, to) => {
      const base = restFull(version(1, from), pack(from))
      return wake(restSteps(base, version(2, to), [bytes]).content, to.length)
    },
    most: (_bytes, _from, to) => to.length,
    isRefusal: (error) => error instanceof ProxyError && error.code === 'internal',
    isGuarded: true,
  },
}

export function pages(random: Random): Engine {
  const counts = { taken: 0, refused: 0 }
  const pool = Array.from({ length: 200 }, () => generatePage(random).body)

  function feed(
    { take, most, isRefusal, isGuarded }: Trial,
    bytes: Uint8Array,
    from: Buffer,
    to: Buffer,
  ): void {
    let made: Uint8Array
    try {
      made = take(bytes, from, to)
      counts.taken++
    } catch (error) {
      if (!isRefusal(error)) throw error
      counts.refused++
      return
    }
    if (made.length > most(bytes, from, to)) throw new Error(`${made.length} bytes were made`)
    if (isGuarded) deepStrictEqual(Buffer.from(made), to)
  }

  return {
    next() {
      const from = random.one(pool)
      const to = random.chance(0.5) ? mutated(from, random) : random.one(pool)
      const [what, trial] = random.one(Object.entries(trials))
      const { bytes } = damaged(trial.send(from, to), random)
      return { what, bytes, run: () => feed(trial, bytes, from, to) }
    },
    summary: () => `${counts.taken} taken, ${counts.refused} refused`,
  }
}
