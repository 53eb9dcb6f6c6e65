import { expect, test } from 'vitest'
import { slowness } from './limits.ts'
import { takeClosestWait, until } from './until.ts'

test('the first value ends the wait', async () => {
  const values = [undefined, false, 'third'] as const
  let calls = 0
  expect(await until('a value', () => values[calls++], { every: 1 })).toBe('third')
})

test('what is missing is an error that says so, with the last error of the probe as its cause', async () => {
  const missing = until('a value', () => Promise.reject(new Error('not yet')), { within: 20, every: 1 })
  await expect(missing).rejects.toMatchObject({
    message: expect.stringContaining('in vain for: a value'),
    cause: new Error('not yet'),
  })
})

test('of several waits the one nearest to its limit is known once', async () => {
  takeClosestWait()
  await until('a short one', () => true, { within: 50_000 })
  const began = performance.now()
  await until('a long one', () => performance.now() - began > 20, { within: 10_000 })
  await until('another short one', () => true, { within: 50_000 })
  expect(takeClosestWait()).toMatchObject({ what: 'a long one', limitMs: Math.round(10_000 * slowness()) })
  expect(takeClosestWait()).toBeUndefined()
})

test('limits are never shorter than they are written', () => {
  expect(slowness()).toBeGreaterThanOrEqual(1)
})
