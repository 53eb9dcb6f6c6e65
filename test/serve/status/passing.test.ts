import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Past } from '../../../src/model.ts'
import { passingJson, type Told, tellHistory } from '../../../src/serve/status/passing.ts'
import { passingOf } from '../../../src/serve/status/target.ts'
import { entry, task } from '../../helpers/cluster.ts'

const web = task('shop_web', '2')
const unix = (at: number) => at / 1000

test('a history that goes on is told as one that is told anew', () => {
  const past = fc.record({ ok: fc.boolean(), took: fc.integer({ min: 0, max: 20_000 }) })
  const steps = fc.array(fc.tuple(fc.array(past, { maxLength: 7 }), fc.integer({ min: 0, max: 6 })))
  fc.assert(
    fc.property(steps, (steps) => {
      let history: readonly Past[] = []
      let told: Told | undefined
      for (const [more, most] of steps) {
        history = [...history, ...more].slice(-most || undefined)
        told = tellHistory(history, told)
        const asked = entry(web, { history })
        expect(JSON.parse(`{${passingJson(asked, told, unix)}}`)).toEqual(passingOf(asked, unix))
      }
    }),
  )
})
