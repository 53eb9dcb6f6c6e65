import { expect, test } from 'vitest'
import { createTurns } from '../../../src/web/auth/turns.ts'

const bounds = { maxItems: 4, maxPerGroup: 3 }

function fill(...items: readonly string[]) {
  const turns = createTurns<string>(bounds)
  const left = items.map((item) => turns.add(item[0]!, item))
  const order: string[] = []
  for (let item = turns.next(); item; item = turns.next()) order.push(item)
  return { left: left.filter((item) => item !== undefined), order }
}

test.each([
  ['one group keeps its order', ['a1', 'a2', 'a3'], [], ['a1', 'a2', 'a3']],
  ['groups take turns', ['a1', 'a2', 'b1'], [], ['a1', 'b1', 'a2']],
  ['a group is bounded', ['a1', 'a2', 'a3', 'a4'], ['a4'], ['a1', 'a2', 'a3']],
  [
    'a full queue: the largest group gives way',
    ['a1', 'a2', 'a3', 'b1', 'c1'],
    ['a3'],
    ['a1', 'b1', 'c1', 'a2'],
  ],
  ['but not to one as large', ['a1', 'a2', 'b1', 'b2', 'a3'], ['a3'], ['a1', 'b1', 'a2', 'b2']],
  ['nor to one that would be as large', ['a1', 'b1', 'c1', 'd1', 'e1'], ['e1'], ['a1', 'b1', 'c1', 'd1']],
])('%s', (_, items, left, order) => {
  expect(fill(...items)).toEqual({ left, order })
})

test('a group whose turn has passed comes after the others', () => {
  const turns = createTurns<string>(bounds)
  turns.add('a', 'a1')
  turns.add('a', 'a2')
  expect(turns.next()).toBe('a1')
  turns.add('b', 'b1')
  turns.add('a', 'a3')
  expect([turns.next(), turns.next(), turns.next(), turns.next()]).toEqual(['a2', 'b1', 'a3', undefined])
})
