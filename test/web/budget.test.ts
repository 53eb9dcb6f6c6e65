import { expect, test } from 'vitest'
import { budgetOf } from '../../src/web/deadline.ts'

test.each([
  ['10', 9500],
  ['5', 4750],
  ['1', 950],
  ['0.5', 450],
  ['0.05', 25],
  ['60', 59_500],
  ['100000', 299_500],
  [undefined, 1900],
  ['soon', 1900],
  ['-1', 1900],
  ['0', 1900],
  ['Infinity', 1900],
])('of %s seconds there are %d ms to use', (allowed, budget) => {
  expect(budgetOf(allowed, 2000)).toBe(budget)
})
