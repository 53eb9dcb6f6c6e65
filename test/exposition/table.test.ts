import { expect, test } from 'vitest'
import { Table } from '../../src/exposition/table.ts'

const never = () => false

test('what is there already is found again, however many others there are', () => {
  const table = new Table(1)
  for (let i = 0; i < 5000; i++) expect(table.add(i * 7919, i, () => true)).toBe(-1)
  for (let i = 0; i < 5000; i++) expect(table.add(i * 7919, 1_000_000, () => true)).toBe(i)
})

test('what only hashes alike is told apart, each time in the same way', () => {
  const table = new Table(1)
  const same = (wanted: number) => (known: number) => known === wanted
  for (let i = 0; i < 20; i++) expect(table.add(42, i, never)).toBe(-1)
  for (let i = 0; i < 20; i++) expect(table.add(42, 99, same(i))).toBe(i)
})

test('a page that is made to collide costs no more than another', () => {
  const table = new Table(1)
  let compared = 0
  for (let i = 0; i < 100_000; i++)
    table.add(42, i, () => {
      compared++
      return false
    })
  expect(compared).toBeLessThan(200_000)
})
