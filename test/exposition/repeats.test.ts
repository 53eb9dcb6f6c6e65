import { expect, test } from 'vitest'
import { Repeats } from '../../src/exposition/repeats.ts'

const always = () => true

function told(repeats: Repeats, isSame: (first: number, again: number) => boolean): [number, number][] {
  const pairs: [number, number][] = []
  repeats.find(isSame, (first, again) => pairs.push([first, again]))
  return pairs
}

test('each that stands twice is told with the first, in the order of adding, however many others there are', () => {
  const repeats = new Repeats(1)
  for (let i = 0; i < 5000; i++) repeats.add(Math.imul(i, 0x9e3779b1), i)
  for (const i of [4999, 7, 7]) repeats.add(Math.imul(i, 0x9e3779b1), 5000 + i)
  expect(told(repeats, always)).toEqual([
    [4999, 9999],
    [7, 5007],
    [7, 5007],
  ])
})

test('of things that are all different none is told', () => {
  const repeats = new Repeats(1)
  for (let i = 0; i < 5000; i++) repeats.add(Math.imul(i, 0x9e3779b1), i)
  expect(told(repeats, always)).toEqual([])
})

test('what only hashes alike is told apart', () => {
  const repeats = new Repeats(1)
  for (let i = 0; i < 20; i++) repeats.add(42, i)
  repeats.add(42, 103)
  expect(told(repeats, (first, again) => first === again % 100)).toEqual([[3, 103]])
})
