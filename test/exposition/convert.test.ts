import { describe, expect, test } from 'vitest'
import type { Escaping } from '../../src/exposition/format.ts'
import { convert } from '../../src/exposition/merge.ts'
import { openMetricsPage, quotedPage, read, textPage, toOpenMetrics, toQuotedText, toText } from './pages.ts'

describe('what the client accepts is sent as it came, the very same bytes', () => {
  test.each([
    ['text', textPage('a 1'), toText],
    ['text as text 1.0.0', textPage('a 1'), toQuotedText],
    ['text 1.0.0 without quoted names as 0.0.4', quotedPage(' a{ b="c" }1'), toText],
    ['text 1.0.0 with them as 1.0.0', quotedPage('{"a.b"} 1'), toQuotedText],
    ['OpenMetrics', openMetricsPage('{"a.b"} 1\n'), toOpenMetrics],
    [
      'OpenMetrics for an older reader',
      openMetricsPage('a 1\n'),
      { ...toOpenMetrics, escaping: 'underscores' as const },
    ],
  ])('%s', (_, page, to) => {
    expect(convert(page, to)).toBe(page.body)
  })
})

describe('text to OpenMetrics', () => {
  test.each([
    ['a counter', '# TYPE a_total counter\na_total 1\n', '# TYPE a counter\na_total 1\n'],
    ['a counter without the suffix', '# TYPE a counter\na 1\n', '# TYPE a unknown\na 1\n'],
    [
      'a counter whose name is another’s then',
      '# TYPE a_total counter\na_total 1\n# TYPE a gauge\na 1\n',
      '# TYPE a_total unknown\na_total 1\n# TYPE a gauge\na 1\n',
    ],
    [
      'a counter whose name is nothing but the suffix',
      '# TYPE _total counter\n_total 1\n',
      '# TYPE _total unknown\n_total 1\n',
    ],
    ['untyped', '# TYPE a untyped\na 1\n', '# TYPE a unknown\na 1\n'],
    ['no type', 'connections 3\nerror_count 0', 'connections 3\nerror_count 0\n'],
    ['comments', '# hello\n\na 1\n#\n#HELP a x\n#TYPE a gauge\n', 'a 1\n'],
    ['a help text', '# HELP a "x" \\\\ \\n \\y\n', '# HELP a \\"x\\" \\\\ \\n \\\\y\n'],
    ['blanks', ' a\t{ b = "c" , d="e" }  1\t', 'a{b="c",d="e"} 1\n'],
    [
      'single blanks, also behind a series that has none, and before one',
      'a{b="c",d="e"} 1\na{b="c", d="f"} 2\na{b="c",d="g"} 3\n',
      'a{b="c",d="e"} 1\na{b="c",d="f"} 2\na{b="c",d="g"} 3\n',
    ],
    ['missing commas', 'a{b="c"d="e"}1', 'a{b="c",d="e"} 1\n'],
    ['needless commas', 'a{b="c",} 1\na{b="c",d="e",} 2 5\n', 'a{b="c"} 1\na{b="c",d="e"} 2 0.005\n'],
    ['escapes', 'a{b="c\\\\",d="\\"\\\\\\n"} 1\n', 'a{b="c\\\\",d="\\"\\\\\\n"} 1\n'],
    ['escapes of what needs none', 'a{b="\\c"} 1\n', 'a{b="\\\\c"} 1\n'],
    ['newlines in values', 'a{b="c\nd"} 1', 'a{b="c\\nd"} 1\n'],
    [
      'timestamps',
      'a 1 0\na 1 5\na 1 1395066363001\na 1 1395066363000',
      'a 1 0.000\na 1 0.005\na 1 1395066363.001\na 1 1395066363.000\n',
    ],
    [
      'a histogram and a summary',
      '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 1\n',
      '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 1\n',
    ],
  ])('%s', (_, page, expected) => {
    expect(read(convert(textPage(page), toOpenMetrics))).toBe(`${expected}# EOF\n`)
  })

  test('a timestamp keeps its milliseconds though Prometheus multiplies and cuts', () => {
    const times = [1_000, 1_700_000_000_000].flatMap((from) =>
      Array.from({ length: 2000 }, (_, i) => from + i * 7),
    )
    const page = textPage(times.map((time) => `a 1 ${time}\n`).join(''))
    const lines = read(convert(page, toOpenMetrics)).trimEnd().split('\n').slice(0, -1)
    expect(lines.map((line) => Math.trunc(Number(line.split(' ')[2]) * 1000))).toEqual(times)
  })
})

describe('OpenMetrics to text', () => {
  test.each([
    [
      'a counter',
      '# HELP a A\n# TYPE a counter\na_total 1\n',
      '# HELP a_total A\n# TYPE a_total counter\na_total 1\n',
    ],
    [
      'a counter without the suffix',
      '# TYPE a counter\na 1\n',
      '# TYPE a_total counter\n# TYPE a counter\na 1\n',
    ],
    [
      'what a counter or an info has no samples of',
      '# TYPE a counter\na_x 1\na_bucket 1\n# TYPE b info\nb 1\nb_info 1\n',
      '# TYPE a_total counter\na_x 1\na_bucket 1\n# TYPE b_info gauge\nb_info 1\nb 1\n',
    ],
    [
      'created',
      '# TYPE a summary\na_count 1\na_created 2\n',
      '# TYPE a summary\na_count 1\n# TYPE a_created gauge\na_created 2\n',
    ],
    ['info', '# TYPE a info\na_info{b="c"} 1\n', '# TYPE a_info gauge\na_info{b="c"} 1\n'],
    ['a stateset', '# TYPE a stateset\na{a="b"} 1\n', '# TYPE a gauge\na{a="b"} 1\n'],
    [
      'a gaugehistogram',
      '# TYPE a gaugehistogram\na_bucket{le="+Inf"} 1\na_gsum 1\na_gcount 1\n',
      '# TYPE a histogram\na_bucket{le="+Inf"} 1\n# TYPE a_gsum gauge\na_gsum 1\n# TYPE a_gcount gauge\na_gcount 1\n',
    ],
    ['unknown', '# TYPE a unknown\na 1\n', '# TYPE a untyped\na 1\n'],
    ['a unit', '# UNIT a_s s\na_s 1\n', 'a_s 1\n'],
    ['an exemplar', 'a 1 # {b="c"} 1\n', 'a 1\n'],
    ['timestamps', 'a 1 0\nb 1 1.5\nc 1 1e9\n', 'a 1 0\nb 1 1500\nc 1 1000000000000\n'],
    ['a timestamp before 1970', 'a 1 -1\nb 1\n', 'b 1\n'],
  ])('%s', (_, page, expected) => {
    expect(read(convert(openMetricsPage(page), toText))).toBe(expected)
  })
})

test.each<[Escaping, string, string]>([
  ['underscores', 'a_h', 'a_c'],
  ['dots', 'a_dot_h', 'a_dot_c_'],
  ['values', 'U__a_2e_h', 'U__a_2e_c_'],
])('what samples add to the name of their family stays as it is: %s', (escaping, histogram, counter) => {
  const page = openMetricsPage(
    '# TYPE "a.h" histogram\n{"a.h_bucket",le="+Inf"} 1\n{"a.h_sum"} 1\n{"a.h_count"} 1\n# TYPE "a.c" counter\n{"a.c_total"} 1\n{"a.c_created"} 1\n',
  )
  expect(read(convert(page, { format: 'openmetrics/0.0.1', escaping }))).toBe(
    `# TYPE ${histogram} histogram\n${histogram}_bucket{le="+Inf"} 1\n${histogram}_sum 1\n${histogram}_count 1\n# TYPE ${counter} counter\n${counter}_total 1\n${counter}_created 1\n# EOF\n`,
  )
})

test.each<[Escaping, string]>([
  ['underscores', '# TYPE a_b counter\na_b{_c_="d",_="e",f_g="h"} 1\n'],
  ['dots', '# TYPE a_dot_b counter\na_dot_b{__c__="d",__="e",f__g="h"} 1\n'],
  ['values', '# TYPE U__a_2e_b counter\nU__a_2e_b{U___20_c_1f600_="d",U___30_="e",U__f_3a_g="h"} 1\n'],
])('names that need quotes, escaped as %s', (escaping, expected) => {
  const page = quotedPage('# TYPE "a.b" counter\n{"a.b"," c😀"="d","0"="e","f:g"="h"} 1\n')
  expect(read(convert(page, { format: 'text/0.0.4', escaping }))).toBe(expected)
})

test('labels that escape alike stay apart, for two of one name would cost the page', () => {
  const page = quotedPage('a{"b.c"="1",b_c="2","b c"="3"} 1\n')
  expect(read(convert(page, toText))).toBe('a{b_c="1",b_c_="2",b_c__="3"} 1\n')
})

test('quotes that nothing needs go', () => {
  expect(read(convert(quotedPage('{"a","b"="c"} 1\n# HELP "a" x'), toText))).toBe('# HELP a x\na{b="c"} 1\n')
})

test('an exemplar is left out only where its labels can’t be expressed', () => {
  const to = { ...toOpenMetrics, escaping: 'underscores' as const }
  const page = openMetricsPage(
    'a 1 # {"b.c"="d"} 1\n{"e.f"} 1 # {g="h"} 1\n{"i.j"} 1 # {k="{,",l="\\"",m=""} 1\n{"n.o"} 1 # {p="q","r.s"="t"} 1\n',
  )
  expect(read(convert(page, to))).toBe(
    'a 1\ne_f 1 # {g="h"} 1\ni_j 1 # {k="{,",l="\\"",m=""} 1\nn_o 1\n# EOF\n',
  )
})

test('the metadata of a family without a name is left out, its samples stay', () => {
  const page = quotedPage('# HELP "" text\n# TYPE "" histogram\n_sum 1\n')
  expect(read(convert(page, toText))).toBe('_sum 1\n')
  expect(read(convert(page, toOpenMetrics))).toBe('_sum 1\n# EOF\n')
})
