import { expect, test } from 'vitest'
import { inspect } from '../../src/exposition/inspect.ts'

const limits = { maxSeries: 1_000_000, maxLineBytes: 100_000 }
const remarksOn = (lines: readonly string[]) => {
  const found = inspect(Buffer.from(lines.join('\n')), 'text/plain', limits)
  if (!found.ok) throw new Error(found.reason)
  return found.remarks
}

/** So many that some hash alike. */
const many = Array.from({ length: 300_000 }, (_, at) => `a{b="${at}",c="${at % 7}"} 1`)

test('of very many series that are all different none is a duplicate', () => {
  expect(remarksOn(many)).toEqual([])
})

test('duplicates are found among very many series, and counted', () => {
  const again = ['a{c="3",b="3"} 2', 'a{b="299999",c="0"} 2', 'a{c="3",b="3"} 3']
  expect(remarksOn([...many, ...again])).toEqual([
    '3 samples repeat a series (line 300001 that of line 4): Prometheus keeps the first',
  ])
})

test.each([
  ['labels in another order', 'a{b="1",c="2"} 1', 'a{c="2",b="1"} 1'],
  ['an empty label', 'a{b="1"} 1', 'a{b="1",c=""} 1'],
  ['a newline that is not escaped', 'a{b="1\\n"} 1', 'a{b="1\n"} 1'],
  ['an escape that means itself', 'a{b="\\\\x"} 1', 'a{b="\\x"} 1'],
  ['a name in quotes', 'a{b="1"} 1', '{"a","b"="1"} 1'],
  ['the same timestamp', 'a 1 5', 'a 2 5'],
])('a series is the same with %s', (_, first, second) => {
  expect(remarksOn([first, second])).toEqual([expect.stringMatching(/^1 sample repeats a series/)])
})

test.each([
  ['at another time', 'a 1 5', 'a 1 6'],
  ['with a label more', 'a{b="1"} 1', 'a{b="1",c="2"} 1'],
  ['with values that change places', 'a{b="1",c="2"} 1', 'a{b="2",c="1"} 1'],
  ['with the name of one label as the value of the other', 'a{b="c"} 1', 'a{c="b"} 1'],
])('a series is another %s', (_, first, second) => {
  expect(remarksOn([first, second])).toEqual([])
})
