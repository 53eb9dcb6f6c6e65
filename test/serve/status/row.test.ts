import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Entry, Past } from '../../../src/model.ts'
import { isOf, joinRows, type Row, renew, rowOf } from '../../../src/serve/status/row.ts'
import { type Surroundings, targetOf } from '../../../src/serve/status/target.ts'
import { entry, task } from '../../helpers/cluster.ts'
import { failed, page, read } from '../agent.ts'

const unix = (at: number) => at / 1000
const around: Surroundings = { node: 'node1', pathNode: 'node1', lost: false, services: new Map() }
const lost = { ...around, node: 'Knöte', lost: true }
const web = task('shop_web', '2')
/** The same objects each time: a scrape doesn't change them. */
const found = entry(web)
const tell = (rows: readonly Row[]) => JSON.parse(joinRows('["ö",', rows, ',"é"]').toString())

test('a row that goes on tells what one that is made anew tells, and says when that is something else', () => {
  const past = fc.record({ ok: fc.boolean(), took: fc.integer({ min: 0, max: 20_000 }) })
  const at = fc.integer({ min: 0, max: 3 })
  const snapshot = fc.oneof(
    fc.constant({}),
    at.map((at) => ({ snapshot: { ...failed('timeout', 'zu spät'), at } })),
    fc.tuple(at, fc.constantFrom([], ['doppelt'])).map(([at, remarks]) => ({
      snapshot: { ...read({ ...page('a 1\n'), remarks }), at },
    })),
  )
  const target = fc.constantFrom(web, { ...web, image: 'größer:1' })
  const ended = fc.constantFrom({}, { ended: { at: 500, exitCode: 1, removed: false } })
  const step = fc.tuple(
    fc.array(past, { maxLength: 7 }),
    fc.integer({ min: 0, max: 6 }),
    ...([snapshot, target, ended, fc.constantFrom(around, lost)] as const),
  )
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      let history: readonly Past[] = []
      const row = rowOf(entry(web), around, unix)
      for (const [more, most, snapshot, target, ended, here] of steps) {
        history = [...history, ...more].slice(-most || undefined)
        const now: Entry = { ...found, target, ...snapshot, ...ended, history }
        const before = tell([row])
        const isNew = renew(row, now, here, unix)
        expect(tell([row])).toEqual(['ö', targetOf(now, here, unix), 'é'])
        expect(isNew).toBe(JSON.stringify(tell([row])) !== JSON.stringify(before))
        expect(isOf(row, now, here)).toBe(true)
      }
    }),
  )
})
