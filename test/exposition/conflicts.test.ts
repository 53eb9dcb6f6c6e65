import { describe, expect, test } from 'vitest'
import { conflictsIn } from '../../src/exposition/families.ts'
import { encoded } from './protobuf/judge.ts'

const conflicts = (...lines: readonly string[]) =>
  conflictsIn({ format: 'text/0.0.4', body: Buffer.from(lines.join('\n')) })
const oneRepeat = [expect.stringMatching(/^1 sample repeats a series/)]

test('duplicate series, however they are written', () => {
  const page = [
    'a{b="1",c="\\"2"} 1',
    'a 1',
    'a{ c="\\"2" , b="1" } 2',
    '{"a","b"="1",c="\\"2",d=""} 3',
    'a{b="1"} 1',
  ]
  expect(conflicts(...page)).toEqual([
    '2 samples repeat a series, such as a{c="\\"2",b="1"}: the first is kept',
  ])
})

test.each([
  ['labels in another order', 'a{b="1",c="2"} 1', 'a{c="2",b="1"} 1'],
  ['a comma at the end', 'a{b="1"} 1', 'a{b="1",} 1'],
  ['an empty label', 'a{b="1"} 1', 'a{b="1",c=""} 1'],
  ['blanks', 'a{b="1",c="2"} 1', 'a{c="2", b="1"} 1'],
  ['a newline that is not escaped', 'a{b="1\\n"} 1', 'a{b="1\n"} 1'],
  ['an escape that means itself', 'a{b="\\\\x"} 1', 'a{b="\\x"} 1'],
  ['a name in quotes', 'a{b="1"} 1', '{"a","b"="1"} 1'],
  ['a name in quotes that has an escape', '{"a\\"b"} 1', '{ "a\\"b" } 1'],
  ['the same timestamp', 'a 1 5', 'a 2 5'],
])('a series is the same with %s', (_, first, second) => {
  expect(conflicts(first, second)).toEqual(oneRepeat)
})

test.each([
  ['at another time', 'a 1 5', 'a 1 6'],
  ['without a time', 'a 1 5', 'a 1'],
  ['with a label more', 'a{b="1"} 1', 'a{b="1",c="2"} 1'],
  ['with values that change places', 'a{b="1",c="2"} 1', 'a{b="2",c="1"} 1'],
  ['with the name of one label as the value of the other', 'a{b="c"} 1', 'a{c="b"} 1'],
  ['with an escaped backslash before an n instead of a newline', 'a{b="x\\\\n"} 1', 'a{b="x\\n"} 1'],
  ['with an escaped quote', 'a{b="1\\"",c="2"} 1', 'a{b="1",c="2"} 1'],
])('a series is another %s', (_, first, second) => {
  expect(conflicts(first, second)).toEqual([])
})

test('conflicting types', () => {
  expect(conflicts('# TYPE a counter', '# TYPE b gauge', '# TYPE b gauge', '# TYPE a gauge')).toEqual([
    '1 type contradicts an earlier one: a is counter and gauge',
  ])
})

describe('in protobuf', () => {
  const gauge = (...labels: readonly (readonly [string, string])[]) => ({
    label: labels.map(([name, value]) => ({ name, value })),
    gauge: { value: 1 },
  })

  test('metrics that repeat a series', () => {
    const body = encoded([
      {
        name: 'a',
        type: 'GAUGE',
        metric: [gauge(['b', '1'], ['c', '']), gauge(['b', '1']), gauge(['b', '1'])],
      },
    ])
    expect(conflictsIn({ format: 'protobuf', body })).toEqual([
      '2 samples repeat a series, such as a{b="1"}: the first is kept',
    ])
  })

  test('types that contradict each other', () => {
    const body = encoded([
      { name: 'a', type: 'GAUGE', metric: [gauge(['b', '1'])] },
      { name: 'a', type: 'COUNTER', metric: [gauge()] },
    ])
    expect(conflictsIn({ format: 'protobuf', body })).toEqual([
      '1 type contradicts an earlier one: a is gauge and counter',
    ])
  })
})
