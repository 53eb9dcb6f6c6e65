import { expect, test } from 'vitest'
import { createByteBudget } from '../../src/runtime/byte-budget.ts'
import { NeedsMemory, withMemory } from '../../src/scrape/memory.ts'
import { virtualClock } from '../helpers/clock.ts'

const mebi = 2 ** 20
const attempt = { owner: 'a', expectedBytes: 0, maxBytes: 8 * mebi, timeoutMs: 1000 }

test('who needs more than is free gives everything back, waits for the most, and begins anew', async () => {
  const clock = virtualClock()
  const budget = createByteBudget(clock, 16 * mebi)
  const other = await budget.reserve({ owner: 'b', bytes: 10 * mebi, timeoutMs: 0, giveUp: () => {} })
  const held: number[] = []
  const result = withMemory(budget, clock, attempt, async ({ use }) => {
    held.push(budget.heldBytes() - (held.length === 0 ? other.bytes : 0))
    use(7 * mebi)
    return 'read'
  })
  await clock.pass(10)
  expect(budget.heldBytes()).toBe(other.bytes)
  other.release()
  expect(await result).toBe('read')
  expect(held).toEqual([128 * 1024, 8 * mebi])
  expect(budget.heldBytes()).toBe(0)
})

test('more is taken at once where it is free, and all is given back also after a failure', async () => {
  const clock = virtualClock()
  const budget = createByteBudget(clock, 16 * mebi)
  let peak = 0
  const failing = withMemory(budget, clock, attempt, async ({ use }) => {
    use(7 * mebi)
    peak = budget.heldBytes()
    throw new Error('fails')
  })
  await expect(failing).rejects.toThrow('fails')
  expect([peak, budget.heldBytes()]).toEqual([7 * mebi, 0])
})

test('what is given back may be used again', async () => {
  const clock = virtualClock()
  const budget = createByteBudget(clock, 16 * mebi)
  await withMemory(budget, clock, attempt, async ({ use }) => {
    use(128 * 1024)
    use(-64 * 1024)
    use(64 * 1024)
    expect(budget.heldBytes()).toBe(128 * 1024)
  })
})

test('no attempt may use more than the most', async () => {
  const clock = virtualClock()
  const budget = createByteBudget(clock, 8 * mebi)
  const greedy = withMemory(budget, clock, { ...attempt, maxBytes: mebi }, async ({ use }) => use(9 * mebi))
  await expect(greedy).rejects.toThrow(NeedsMemory)
})
