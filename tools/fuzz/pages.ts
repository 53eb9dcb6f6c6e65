// Pages between agents: packed in full or as deltas, damaged anywhere, they give what their owner had or are refused.

import { deepStrictEqual } from 'node:assert'
import { ProxyError } from '../../src/errors.ts'
import type { ZstdFrame } from '../../src/model.ts'
import { pack, unpack } from '../../src/sync/codec.ts'
import { generatePage } from '../../test/exposition/corpus/generate.ts'
import { mutated } from '../../test/exposition/corpus/mutate.ts'
import type { Random } from '../../test/exposition/corpus/random.ts'
import { damaged } from './damage.ts'
import type { Engine } from './engine.ts'

/** What is sent of a page, before it is damaged, and what is made of it with the page before. */
interface Trial {
  send(from: Buffer, to: Buffer): ZstdFrame
  take(frame: ZstdFrame, from: Buffer): Uint8Array
}

const trials: Readonly<Record<string, Trial>> = {
  'a full frame': {
    send: (_, to) => pack(to),
    take: (frame) => unpack([frame]),
  },
  'a delta': {
    send: (from, to) => pack(to, from),
    take: (frame, from) => unpack([pack(from), frame]),
  },
}

export function pages(random: Random): Engine {
  const counts = { taken: 0, refused: 0 }
  const pool = Array.from({ length: 200 }, () => generatePage(random).body)

  function feed({ take }: Trial, frame: ZstdFrame, from: Buffer, to: Buffer, isWhole: boolean): void {
    let made: Uint8Array
    try {
      made = take(frame, from)
      counts.taken++
    } catch (error) {
      if (!(error instanceof ProxyError) || error.code !== 'protocol') throw error
      counts.refused++
      return
    }
    if (made.length !== frame.size) throw new Error(`${made.length} bytes were made`)
    if (isWhole) deepStrictEqual(Buffer.from(made), to)
  }

  return {
    next() {
      const from = random.one(pool)
      const to = random.chance(0.5) ? mutated(from, random) : random.one(pool)
      const [what, trial] = random.one(Object.entries(trials))
      const { size, bytes: sent } = trial.send(from, to)
      const { bytes } = damaged(Buffer.from(sent), random)
      return { what, bytes, run: () => feed(trial, { size, bytes }, from, to, bytes.equals(sent)) }
    },
    summary: () => `${counts.taken} taken, ${counts.refused} refused`,
  }
}
