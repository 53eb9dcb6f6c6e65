import { expect, test } from 'vitest'
import { untilNext } from '../src/clock.ts'

test.each([
  [0, 1000],
  [1, 999],
  [999, 1],
  [1000, 1000],
])('at %i ms it is %i ms until the next whole second', (now, left) => {
  expect(untilNext(1000, now)).toBe(left)
})

test('who was woken a little too early for a whole second waits for the one after it', () => {
  expect(untilNext(1000, 999.2)).toBeCloseTo(1000.8)
})
