import { expect, test } from 'vitest'
import { createBudget } from '../../src/scrape/budget.ts'

function holder(budget: ReturnType<typeof createBudget>) {
  const told: string[] = []
  const share = budget.open(({ message }) => {
    told.push(message)
    share.close()
  })
  return { share, told }
}

test('the largest holder gives up, whoever took the last byte', () => {
  const budget = createBudget(100)
  const [small, large] = [holder(budget), holder(budget)]
  large.share.take(90)
  small.share.take(10)
  expect(large.told).toEqual([])
  small.share.take(1)
  expect([small.told, large.told]).toEqual([[], ['too many large pages at once']])
  small.share.take(89)
  expect(small.told).toEqual([])
})

test('what is closed is free again', () => {
  const budget = createBudget(100)
  for (let n = 0; n < 10; n += 1) {
    const { share, told } = holder(budget)
    share.take(60)
    share.close()
    share.close()
    expect(told).toEqual([])
  }
})
