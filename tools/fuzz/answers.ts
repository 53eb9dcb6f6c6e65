// Answers over HTTP: damaged anywhere, they are taken or refused, and where they are cut makes no difference. No more
// is taken for a body than was sent, and nothing that follows an answer is ever taken for another one.

import { deepStrictEqual } from 'node:assert'
import type { Random } from '../../test/exposition/corpus/random.ts'
import { answers as known, type Verdict } from '../../test/scrape/http/answers.ts'
import { verdictOn } from '../../test/scrape/http/reading.ts'
import { cut, damaged } from './damage.ts'
import type { Engine } from './engine.ts'

/** How many of them have no wound. */
const whole = 0.05

export function answers(random: Random): Engine {
  const counts = { taken: 0, incomplete: 0, refused: 0 }

  function feed(bytes: Buffer, expected: Verdict | undefined): void {
    const verdict = verdictOn([bytes])
    deepStrictEqual(verdictOn(cut(bytes, random)), verdict)
    if (expected) deepStrictEqual(verdict, expected)
    if (typeof verdict === 'string') {
      counts[verdict] += 1
      return
    }
    counts.taken += 1
    if (verdict.body.length > bytes.length) throw new Error(`${verdict.body.length} bytes of ${bytes.length}`)
    if (!verdict.kept) return
    // who keeps the connection knows where the answer ends
    deepStrictEqual(verdictOn([Buffer.concat([bytes, bytes])]), { ...verdict, kept: false })
  }

  return {
    next() {
      const { what, bytes: text, verdict } = random.one(known)
      const unhurt = Buffer.from(text, 'latin1')
      if (random.chance(whole)) return { what, bytes: unhurt, run: () => feed(unhurt, verdict) }
      const { bytes } = damaged(unhurt, random)
      return { what, bytes, run: () => feed(bytes, undefined) }
    },
    summary: () => `${counts.taken} taken, ${counts.incomplete} incomplete, ${counts.refused} refused`,
  }
}
