import { describe, expect, test } from 'vitest'
import { type Held, type Reading, verdictOn } from '../tools/soak/verdict.ts'

const mib = 2 ** 20
const minute = 1 / 60
const nothing: Held = { resident: 0, objects: 0, buffers: 0, files: 0, handles: 0 }

function readingsOf(what: keyof Held, ...values: readonly number[]): readonly Reading[] {
  return values.map((value, n) => ({ at: n * minute, held: { ...nothing, [what]: value } }))
}

describe('what the soak says of its readings', () => {
  test('what goes to and fro is flat, also where one reading is far off', () => {
    const readings = readingsOf('handles', 20, 22, 19, 90, 21, 20, 22)
    expect(verdictOn('handles', readings)).toMatchObject({ first: 20, median: 21, last: 22, grows: false })
  })

  test('what rises by a little each time grows, as soon as that comes to more than is allowed', () => {
    const rising = (by: number) => [0, 1, 2, 3, 4].map((n) => (30 + n * by) * mib)
    expect(verdictOn('objects', readingsOf('objects', ...rising(0.4)))).toMatchObject({ grows: false })
    const { grows, slope, allowed } = verdictOn('objects', readingsOf('objects', ...rising(0.6)))
    expect([grows, allowed]).toEqual([true, 2])
    expect(slope).toBeCloseTo(0.6 * 60)
  })

  test('what becomes less doesn’t grow', () => {
    expect(verdictOn('files', readingsOf('files', 90, 80, 70, 60, 50))).toMatchObject({ grows: false })
  })

  test('of too few readings nothing is said', () => {
    expect(() => verdictOn('files', readingsOf('files', 1, 2, 3, 4))).toThrow('let it run for longer')
  })
})
