import { expect, test } from 'vitest'
import { createFairQueue } from '../../../src/web/auth/fair-queue.ts'

const limits = { maxItems: 4, maxPerGroup: 3 }

function fill(...items: readonly string[]) {
  const queue = createFairQueue<string>(limits)
  const left = items.map((item) => queue.add(item[0]!, item))
  const order: string[] = []
  for (let item = queue.next(); item; item = queue.next()) order.push(item)
  return { left: left.filter((item) => item !== undefined), order }
}

test.each([
  ['one group keeps its order', ['a1', 'a2', 'a3'], [], ['a1', 'a2', 'a3']],
  ['groups take turns', ['a1', 'a2', 'b1'], [], ['a1', 'b1', 'a2']],
  ['a group is bounded', ['a1', 'a2', 'a3', 'a4'], ['a4'], ['a1', 'a2', 'a3']],
  [
    'in a full queue the largest group loses an item',
    ['a1', 'a2', 'a3', 'b1', 'c1'],
    ['a3'],
    ['a1', 'b1', 'c1', 'a2'],
  ],
  ['but not to a group as large', ['a1', 'a2', 'b1', 'b2', 'a3'], ['a3'], ['a1', 'b1', 'a2', 'b2']],
  ['nor to one that would become as large', ['a1', 'b1', 'c1', 'd1', 'e1'], ['e1'], ['a1', 'b1', 'c1', 'd1']],
])('%s', (_, items, left, order) => {
  expect(fill(...items)).toEqual({ left, order })
})

test('a group that had its turn comes after the others', () => {
  const queue = createFairQueue<string>(limits)
  queue.add('a', 'a1')
  queue.add('a', 'a2')
  expect(queue.next()).toBe('a1')
  queue.add('b', 'b1')
  queue.add('a', 'a3')
  expect([queue.next(), queue.next(), queue.next(), queue.next()]).toEqual(['a2', 'b1', 'a3', undefined])
})
