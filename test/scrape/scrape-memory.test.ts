import { expect, test } from 'vitest'
import { createByteBudget } from '../../src/runtime/byte-budget.ts'
import { NeedsMemory, withMemory } from '../../src/scrape/scrape-memory.ts'
import { virtualClock } from '../helpers/clock.ts'

const mebi = 2 ** 20
const attempt = { owner: 'a', expectedBytes: 0, maxBytes: 8 * mebi, timeoutMs: 1000 }

test('a scrape that needs more than is free releases everything, waits for the maximum, and starts again', async () => {
  const clock = virtualClock()
  const budget = createByteBudget(clock, 16 * mebi)
  const other = await budget.reserve({ owner: 'b', bytes: 10 * mebi, timeoutMs: 0, revoke: () => {} })
  const reserved: number[] = []
  const result = withMemory(budget, clock, attempt, async ({ use }) => {
    reserved.push(budget.reservedBytes() - (reserved.length === 0 ? other.bytes : 0))
    use(7 * mebi)
    return 'read'
  })
  await clock.pass(10)
  expect(budget.reservedBytes()).toBe(other.bytes)
  other.release()
  expect(await result).toBe('read')
  expect(reserved).toEqual([128 * 1024, 8 * mebi])
  expect(budget.reservedBytes()).toBe(0)
})

test('more is reserved at once if it is free, and all is released after a failure too', async () => {
  const clock = virtualClock()
  const budget = createByteBudget(clock, 16 * mebi)
  let peak = 0
  const failing = withMemory(budget, clock, attempt, async ({ use }) => {
    use(7 * mebi)
    peak = budget.reservedBytes()
    throw new Error('fails')
  })
  await expect(failing).rejects.toThrow('fails')
  expect([peak, budget.reservedBytes()]).toEqual([7 * mebi, 0])
})

test('released bytes can be used again', async () => {
  const clock = virtualClock()
  const budget = createByteBudget(clock, 16 * mebi)
  await withMemory(budget, clock, attempt, async ({ use }) => {
    use(128 * 1024)
    use(-64 * 1024)
    use(64 * 1024)
    expect(budget.reservedBytes()).toBe(128 * 1024)
  })
})

test('no attempt may use more than the maximum', async () => {
  const clock = virtualClock()
  const budget = createByteBudget(clock, 8 * mebi)
  const greedy = withMemory(budget, clock, { ...attempt, maxBytes: mebi }, async ({ use }) => use(9 * mebi))
  await expect(greedy).rejects.toThrow(NeedsMemory)
})
