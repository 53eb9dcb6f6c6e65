import { describe, expect, test } from 'vitest'
import { merge } from '../../src/exposition/merge.ts'
import { openMetricsPage, quotedPage, read, textPage, toOpenMetrics, toQuotedText, toText } from './pages.ts'

const one = { name: 'slot', value: '1' }
const two = { name: 'slot', value: '2' }

test('families are grouped, with one HELP and one TYPE, in the order of their first appearance', () => {
  const page = (value: number) =>
    textPage(
      `# HELP a A.\n# TYPE a counter\na{x="y"} ${value}\na 2\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\nz ${value}`,
    )
  const { body, series, remarks } = merge(
    [
      { page: page(1), label: one },
      { page: page(9), label: two },
    ],
    toText,
  )
  expect(read(body)).toBe(`# HELP a A.
# TYPE a counter
a{slot="1",x="y"} 1
a{slot="1"} 2
a{slot="2",x="y"} 9
a{slot="2"} 2
# TYPE h histogram
h_bucket{slot="1",le="+Inf"} 1
h_sum{slot="1"} 1
h_count{slot="1"} 1
h_bucket{slot="2",le="+Inf"} 1
h_sum{slot="2"} 1
h_count{slot="2"} 1
z{slot="1"} 1
z{slot="2"} 9
`)
  expect([series, remarks]).toEqual([12, []])
})

test('of samples that repeat a series the first is used, however they are written', () => {
  const { body, series, remarks } = merge(
    [
      { page: textPage('a{b="1",c="2"} 1\nd 1 5') },
      { page: textPage('a{ c="2", b="1" } 2\nd 2 6\nd 3 5\n') },
    ],
    toText,
  )
  expect(read(body)).toBe('a{b="1",c="2"} 1\nd 1 5\nd 2 6\n')
  expect(series).toBe(3)
  expect(remarks).toEqual(['2 samples repeat a series, such as a{c="2",b="1"}: the first is kept'])
})

test('on conflicting types the samples stay and the family becomes untyped', () => {
  const parts = [
    { page: textPage('# TYPE a counter\na{b="1"} 1\n') },
    { page: textPage('# TYPE a gauge\na 2\n') },
    { page: textPage('# TYPE a counter\na{b="3"} 3\n') },
  ]
  const { body, remarks } = merge(parts, toText)
  expect(read(body)).toBe('# TYPE a untyped\na{b="1"} 1\na 2\na{b="3"} 3\n')
  expect(remarks).toEqual(['1 family has conflicting types and no type now: a is counter and gauge'])
  expect(read(merge(parts, toOpenMetrics).body)).toContain('# TYPE a unknown\n')
})

test('a counter in OpenMetrics whose name another family has becomes untyped, too', () => {
  const parts = [
    { page: openMetricsPage('# TYPE a counter\n# UNIT a \na_total 1\n# TYPE b counter\nb_total 1\n') },
    { page: openMetricsPage('# TYPE a gauge\na 2\n# TYPE b_total counter\nb_total_total 3\n') },
  ]
  const { body, remarks } = merge(parts, toOpenMetrics)
  expect(read(body)).toBe(
    '# TYPE a_total unknown\na_total 1\n# TYPE b counter\nb_total 1\n# TYPE a gauge\na 2\n# TYPE b_total counter\nb_total_total 3\n# EOF\n',
  )
  expect(remarks).toEqual(['1 family has conflicting types and no type now: a_total is counter and gauge'])
  expect(merge(parts, toText).remarks).toEqual([])
})

test('nor does a counter take the name that another one is left with then', () => {
  const page = textPage(
    '# TYPE a_total_total counter\na_total_total 1\n# TYPE a_total counter\na_total 2\n# TYPE a gauge\na 3\n',
  )
  const { body, remarks } = merge([{ page }], toOpenMetrics)
  expect(read(body)).toBe(
    '# TYPE a_total_total unknown\na_total_total 1\n# TYPE a_total unknown\na_total 2\n# TYPE a gauge\na 3\n# EOF\n',
  )
  expect(remarks).toEqual([expect.stringMatching(/^2 families have conflicting types/)])
})

test('a sample whose name only begins as the family’s is none of its', () => {
  const page = textPage('# TYPE a gauge\na 1\nab 2\na_sum 3\n')
  expect(
    read(
      merge(
        [one, two].map((label) => ({ page, label })),
        toText,
      ).body,
    ),
  ).toBe(
    '# TYPE a gauge\na{slot="1"} 1\na{slot="2"} 1\nab{slot="1"} 2\nab{slot="2"} 2\na_sum{slot="1"} 3\na_sum{slot="2"} 3\n',
  )
})

test('what text can’t express is left out, with a remark', () => {
  const page = openMetricsPage('a 1 -1\nb 1 1e300\nc 1 5\n')
  expect(merge([{ page }], toText)).toMatchObject({
    body: Buffer.from('c 1 5000\n'),
    series: 1,
    remarks: ['2 samples are left out, with a timestamp that text cannot express'],
  })
})

test('families whose escaped names are the same are one', () => {
  const page = quotedPage(
    '# HELP "a.b" x\n# TYPE "a.b" gauge\n{"a.b"} 1\nc 1\n# HELP a_b y\n# TYPE a_b gauge\na_b 2\na_b{d="e"} 3\n',
  )
  const { body, series, remarks } = merge([{ page }], toText)
  expect(read(body)).toBe('# HELP a_b x\n# TYPE a_b gauge\na_b 1\na_b{d="e"} 3\nc 1\n')
  expect(series).toBe(3)
  expect(remarks).toEqual(['1 sample repeats a series, such as a_b: the first is kept'])
})

test('of different help texts and units the first is used', () => {
  const parts = ['s', 'm_s'].map((unit) => ({
    page: openMetricsPage(`# HELP a_m_s in ${unit}\n# UNIT a_m_s ${unit}\na_m_s{p="${unit}"} 1\n`),
  }))
  expect(read(merge(parts, toOpenMetrics).body)).toBe(
    '# HELP a_m_s in s\n# UNIT a_m_s s\na_m_s{p="s"} 1\na_m_s{p="m_s"} 1\n# EOF\n',
  )
})

test('a page that declares no type leaves it to those that do', () => {
  const { body, remarks } = merge(
    [{ page: textPage('a{b="1"} 1\n') }, { page: textPage('# HELP a A\n# TYPE a gauge\na 2\n') }],
    toText,
  )
  expect(read(body)).toBe('# HELP a A\n# TYPE a gauge\na{b="1"} 1\na 2\n')
  expect(remarks).toEqual([])
})

describe('a label that is there already', () => {
  test.each([
    ['a{slot="9"} 1', 'a{slot="1",exported_slot="9"} 1'],
    ['a{slot="9",exported_slot="8"} 1', 'a{slot="1",exported_exported_slot="9",exported_slot="8"} 1'],
    ['a{slot="9",exported_slot=""} 1', 'a{slot="1",exported_slot="9"} 1'],
    ['a{slot=""} 1', 'a{slot="1"} 1'],
    ['a{"slot"="9"} 1', 'a{slot="1",exported_slot="9"} 1'],
    ['a{slot="\\"\\\\\\n"}1 5', 'a{slot="1",exported_slot="\\"\\\\\\n"} 1 5'],
  ])('%s makes room', (line, expected) => {
    expect(read(merge([{ page: quotedPage(line), label: one }], toQuotedText).body)).toBe(`${expected}\n`)
  })
})

describe('a label is put into', () => {
  test.each([
    ['a 1', 'a{slot="1"} 1'],
    ['a{} 1', 'a{slot="1"} 1'],
    ['a{ } 1', 'a{slot="1"} 1'],
    ['a {b="c"} 1', 'a{slot="1",b="c"} 1'],
    ['a{b="c",} 1', 'a{slot="1",b="c"} 1'],
    ['a{b="c", d="e"} 1', 'a{slot="1",b="c",d="e"} 1'],
    ['a{b="c", slot="e"} 1', 'a{slot="1",b="c",exported_slot="e"} 1'],
    ['a\t{b="c\nd"\te="f"}\t1\t2\t', 'a{slot="1",b="c\\nd",e="f"} 1 2'],
    ['{"a.b"} 1', '{"a.b",slot="1"} 1'],
    ['{"a.b",} 1', '{"a.b",slot="1"} 1'],
    ['{"a.b",c="d"} 1', '{"a.b",slot="1",c="d"} 1'],
    ['{c="d","a.b"} 1', '{"a.b",slot="1",c="d"} 1'],
    ['a{b="}"}1', 'a{slot="1",b="}"} 1'],
    ['a{b="c",} 1', 'a{slot="1",b="c"} 1'],
    ['a{b="c", d="e"} 1', 'a{slot="1",b="c",d="e"} 1'],
    ['a{b="c", slot="e"} 1', 'a{slot="1",b="c",exported_slot="e"} 1'],
    ['a{slot="c",} 1', 'a{slot="1",exported_slot="c"} 1'],
    ['a{b="\\\\",c="\\"}"} 1', 'a{slot="1",b="\\\\",c="\\"}"} 1'],
  ])('%s', (line, expected) => {
    expect(read(merge([{ page: quotedPage(line), label: one }], toQuotedText).body)).toBe(`${expected}\n`)
  })

  test('with its own name as it is escaped for the client', () => {
    const label = { name: 'my.slot', value: '1' }
    const page = quotedPage('a 1\na{ } 2\na{my_slot="9"} 1\na{"my.slot"="8"} 1\n')
    expect(read(merge([{ page, label }], toText).body)).toBe(
      'a{my_slot="1"} 1\na{my_slot="1",exported_my_slot="9"} 1\na{my_slot="1",my_slot_="8"} 1\n',
    )
    expect(read(merge([{ page, label }], toQuotedText).body)).toBe(
      'a{"my.slot"="1"} 1\na{"my.slot"="1",my_slot="9"} 1\na{"my.slot"="1","exported_my.slot"="8"} 1\n',
    )
  })

  test('with its value escaped', () => {
    const label = { name: 'slot', value: 'a"b\\c\nd' }
    expect(read(merge([{ page: textPage('a 1'), label }], toText).body)).toBe('a{slot="a\\"b\\\\c\\nd"} 1\n')
  })
})

test('formats mix: one counter is one family, whichever format it came in', () => {
  const parts = [
    { page: textPage('# HELP a_total say "A"\n# TYPE a_total counter\na_total 1\n'), label: one },
    {
      page: openMetricsPage('# HELP a say \\"B\\"\n# TYPE a counter\na_total 2 # {t="1"} 1 5\na_created 3\n'),
      label: two,
    },
  ]
  expect(read(merge(parts, toOpenMetrics).body)).toBe(
    '# HELP a say \\"A\\"\n# TYPE a counter\na_total{slot="1"} 1\na_total{slot="2"} 2 # {t="1"} 1 5.000\na_created{slot="2"} 3\n# EOF\n',
  )
  expect(read(merge(parts, toText).body)).toBe(
    '# HELP a_total say "A"\n# TYPE a_total counter\na_total{slot="1"} 1\na_total{slot="2"} 2\n# HELP a_created say "B"\n# TYPE a_created gauge\na_created{slot="2"} 3\n',
  )
})

test('the family declared last is that of the next samples, in whatever order it was mentioned before', () => {
  const page = textPage('# HELP a x\n# TYPE a_sum gauge\n# TYPE a histogram\na_sum 1\n')
  expect(read(merge([{ page }], toText).body)).toBe(
    '# HELP a x\n# TYPE a histogram\na_sum 1\n# TYPE a_sum gauge\n',
  )
})

test('so it is where a family was without a type, or is several in text', () => {
  const declared = '# TYPE a summary\na_sum 1\na_count 2\n# TYPE a_count gauge\na_count{b="c"} 3\n'
  expect(read(merge([{ page: openMetricsPage(declared) }], toText).body)).toBe(declared)
  const described = '# HELP a_sum x\na_sum 1\n# TYPE a summary\n# HELP b y\nb 1\na_sum{b="c"} 2\n'
  expect(read(merge([{ page: textPage(described) }], toText).body)).toBe(
    '# HELP a_sum x\na_sum 1\n# TYPE a summary\na_sum{b="c"} 2\n# HELP b y\nb 1\n',
  )
})

test('what a page declares later counts, also where another page has declared the same before', () => {
  const parts = [
    '# TYPE a gauge\na{p="1"} 1\n',
    '# TYPE a gauge\na{p="2"} 1\n# TYPE a histogram\n# TYPE b gauge\nb 1\na_sum{p="2"} 3\n',
  ]
  const merged = merge(
    parts.map((part) => ({ page: textPage(part) })),
    toText,
  )
  expect(read(merged.body)).toBe(
    '# TYPE a untyped\na{p="1"} 1\na{p="2"} 1\na_sum{p="2"} 3\n# TYPE b gauge\nb 1\n',
  )
})

test('a page cut within what it declares is not continued by another', () => {
  const cut = { page: textPage('# HELP a x\na 1\n# HELP b\nb 1\n# HELP a x\na 2\n# HELP') }
  const whole = { page: textPage('# HELP a x\na{c="d"} 1\n# HELP b\nb{c="d"} 1\n') }
  expect(read(merge([cut, whole, cut], toText).body)).toBe(
    '# HELP a x\na 1\na{c="d"} 1\n# HELP b \nb 1\nb{c="d"} 1\n',
  )
})

test('nothing is a valid page, too', () => {
  const empty = { page: { format: 'openmetrics/1.0.0' as const, body: new Uint8Array() } }
  expect(read(merge([], toText).body)).toBe('')
  expect(read(merge([empty, empty], toOpenMetrics).body)).toBe('# EOF\n')
})

test('what follows a NUL at the beginning of a line is ignored, as in Prometheus', () => {
  expect(read(merge([{ page: textPage('a 1\n\0b 2\n') }], toText).body)).toBe('a 1\n')
})

test('thousands of repeated samples take no time', () => {
  const page = textPage(Array.from({ length: 20_000 }, (_, i) => `a{b="${i % 10_000}"} ${i}\n`).join(''))
  expect(merge([{ page }, { page }], toText)).toMatchObject({ series: 10_000 })
})

test('reports by its format whether there are names in quotes', () => {
  const parts = [{ page: textPage('a 1\n') }, { page: quotedPage('{"a.b"} 1\n') }]
  const to = { format: 'text/0.0.4', escaping: 'allow-utf-8' } as const
  expect(merge(parts.slice(0, 1), to).format).toBe('text/0.0.4')
  expect(merge(parts, to).format).toBe('text/1.0.0')
  expect(merge(parts, toText)).toMatchObject({ format: 'text/0.0.4', body: Buffer.from('a 1\na_b 1\n') })
})
