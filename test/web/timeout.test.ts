import { expect, test } from 'vitest'
import { answerTimeoutMs } from '../../src/web/reader.ts'

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
])('with a client’s timeout of %s seconds an answer takes at most %d ms', (allowed, timeoutMs) => {
  expect(answerTimeoutMs(allowed, 2000)).toBe(timeoutMs)
})
