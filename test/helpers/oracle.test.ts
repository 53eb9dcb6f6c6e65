import { describe, expect, test } from 'vitest'
import { differences, parsePage, union, withLabel } from './oracle.ts'

const page = `# HELP orders_total What was\\nordered.
# TYPE orders_total counter
orders_total{shop="a \\"b\\" \\\\ c\\nd",slot="7"} 3
orders_total{ shop = "x" , } 1
up 1e0
`

test('a page is read with its families, labels and values', () => {
  const { families, series } = parsePage(page)
  expect([...families]).toEqual([['orders_total', { help: 'What was\\nordered.', type: 'counter' }]])
  expect([...series]).toEqual([
    ['orders_total{shop="a \\"b\\" \\\\ c\\nd",slot="7"}', '3'],
    ['orders_total{shop="x"}', '1'],
    ['up{}', '1'],
  ])
})

test.each([
  ['not a metric', '<html>'],
  ['a label without its quotes', 'a{b=c} 1'],
  ['no number', 'a one'],
  ['no value', 'a'],
  ['a series twice', 'a{b="1",c="2"} 1\na{c="2",b="1"} 1'],
])('%s is an error', (_, text) => {
  expect(() => parsePage(text)).toThrow()
})

describe('a page and what the container said before and after', () => {
  const said = (text: string) => parsePage(text)
  test('of the same values do not differ, however they are written', () => {
    expect(
      differences(said('a{b="1",c="2"} 1\n'), said('a{c="2",b="1"} 1.0'), said('a{b="1",c="2"} 1')),
    ).toEqual(new Map())
  })

  test('may differ where the container itself does', () => {
    expect(differences(said('a 2\nnew 1'), said('a 1\nold 1'), said('a 3\nnew 1'))).toEqual(new Map())
  })

  test.each([
    ['another value', 'a{b="1"} 2'],
    ['a missing series', ''],
    ['a series too much', 'a{b="1"} 1\na{b="2"} 1'],
    ['another label', 'a{b="1",c="1"} 1'],
    ['another type', '# TYPE a gauge\na{b="1"} 1'],
    ['an exemplar', 'a{b="1"} 1 # {trace="x"} 1'],
  ])('differ by %s', (_, served) => {
    expect(differences(said(served), said('a{b="1"} 1'), said('a{b="1"} 1'))).not.toEqual(new Map())
  })
})

test('a service’s page has its replicas’ series with a label more', () => {
  const both = union(['1', '2'].map((slot) => withLabel(parsePage('a{slot="x"} 1'), 'slot', slot)))
  expect([...both.series.keys()]).toEqual(['a{exported_slot="x",slot="1"}', 'a{exported_slot="x",slot="2"}'])
})
