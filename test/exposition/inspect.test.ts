import { describe, expect, test } from 'vitest'
import { inspect } from '../../src/exposition/inspect.ts'

const limits = { maxSeries: 1000, maxLineBytes: 10_000 }
const sent = (page: string, contentType: string | undefined) =>
  inspect(Buffer.from(page), contentType, limits)
const text = (page: string) => sent(page, 'text/plain; version=0.0.4')
const openMetrics = (page: string) =>
  inspect(Buffer.from(page), 'application/openmetrics-text; version=1.0.0', limits)

describe('text', () => {
  test.each([
    ['a chat server’s', 'connections 3\nerror_count 0', 2],
    ['an empty page', '', 0],
    ['nothing but newlines', '\n\n', 0],
    ['nothing but comments', '# hello\n#\n# HELP', 0],
    ['a NUL in a comment', '# he\0llo\n# HELPLESS\0\na 1', 1],
    ['comments', '# hello\n#\n#HELP x\n# HELP\n# TYPE\n# anything at all 1{\na 1', 1],
    ['metadata', '# HELP a Is \\n a\n# TYPE a counter\na 1\n', 1],
    [
      'every type',
      ['counter', 'gauge', 'histogram', 'summary', 'untyped'].map((t) => `# TYPE a ${t}\n`).join(''),
      0,
    ],
    ['a help text of nothing', '# HELP a\n# HELP b \n# HELP c\t\n', 0],
    ['labels', 'a{b="c",d="e"} 1\n', 1],
    ['a trailing comma', 'a{b="c",} 1\n', 1],
    ['no labels in braces', 'a{} 1\n', 1],
    ['blanks everywhere', ' a \t{ b = "c" , d\t=\t"e" , } \t1\t 2 \n', 1],
    ['no commas', 'a{b="c"d="e" f="g"} 1\n', 1],
    ['no space before the value', 'a{b="c"}1\na-1\na+1\nb.5\n', 4],
    ['escapes', 'a{b="\\"\\\\\\n\\x"} 1\n', 1],
    ['a newline in a value', 'a{b="c\nd"} 1\n', 1],
    ['braces and hashes in a value', 'a{b="}#{,="} 1\n', 1],
    ['quoted names', '{"a.b","c.d"="e"} 1\n{c="d","a b"} 1\n# TYPE "a.b" counter\n# HELP "a.b" x\n', 2],
    ['UTF-8', 'a{b="ü€𝄞"} 1\n# HELP a ü\n', 1],
    [
      'numbers',
      ['0', '-0', '1.', '.5', '+1e9', '1E-9', '1e+308', '1e-999', '00012']
        .map((v, i) => `a${i} ${v}\n`)
        .join(''),
      9,
    ],
    [
      'what is none',
      ['NaN', 'nan', 'Inf', '+inf', '-INF', '+Infinity', 'infinity'].map((v, i) => `a${i} ${v}\n`).join(''),
      7,
    ],
    ['timestamps', 'a 1 0\nb 1 1395066363000\nc 1 9223372036854775807', 3],
    ['a name with colons', ':a:b 1\n', 1],
    ['a NUL at the beginning of a line as the end', 'a 1\n\0rubbish', 1],
    ['a NUL in a label’s value', 'a{b="\0"} 1\n', 1],
  ])('accepts %s', (_, page, series) => {
    expect(text(page)).toMatchObject({ ok: true, series })
  })

  test.each([
    ['HTML', '<html>\n', 1, 1, 'expected a metric\'s name or #, found "<"'],
    ['HTML after a blank line', '\n <!DOCTYPE html>', 2, 2, 'expected a metric\'s name or #, found "<"'],
    ['JSON', '{"up": 1}', 1, 6, 'expected = after a label\'s name, found ":"'],
    ['a JSON list', '[1]', 1, 1, 'expected a metric\'s name or #, found "["'],
    ['prose', 'ok', 1, 3, 'expected a value, found the end of the metrics'],
    ['prose of two words', 'Not found\n', 1, 5, 'expected a value, found "found"'],
    ['a name that begins with a digit', 'a 1\n0a 1\n', 2, 1, 'expected a metric\'s name or #, found "0"'],
    ['a name with a dot', 'a.b 1\n', 1, 2, 'expected a value, found ".b"'],
    ['a label without a value', 'a{b} 1\n', 1, 4, 'expected = after a label\'s name, found "}"'],
    ['a label without quotes', 'a{b=c} 1\n', 1, 5, 'expected a label\'s value in quotes, found "c"'],
    ['a label with a colon', 'a{b:c="d"} 1\n', 1, 4, 'expected = after a label\'s name, found ":"'],
    ['two commas', 'a{b="c",,} 1\n', 1, 9, 'expected a label\'s name or }, found ","'],
    ['a comma alone', 'a{,} 1\n', 1, 3, 'expected a label\'s name or }, found ","'],
    ['an open brace', 'a{b="c" 1\n', 1, 9, 'expected a label\'s name or }, found "1"'],
    ['an open value', 'a{b="c} 1\n', 1, 5, "a label's value has no closing quote"],
    ['an escaped newline', 'a{b="\\\n"} 1\n', 1, 7, "the line ends within a label's value"],
    ['an escaped NUL', 'a{b="c\\\0"} 1\n', 1, 8, 'a NUL byte after a backslash'],
    ['two labels of one name', 'a{b="1",b="2"} 1\n', 1, 9, 'the label b occurs twice'],
    ['the label of the name', 'a{__name__="b"} 1\n', 1, 3, 'the label __name__ occurs twice'],
    ['no name', '{b="1"} 1\n', 1, 7, 'the metric has no name'],
    ['two names', 'a{"b"} 1\n', 1, 3, 'a second metric name, or a label without a value'],
    ['an empty name', '{""} 1\n', 1, 3, 'the metric name is empty'],
    ['an empty label name', 'a{""="b"} 1\n', 1, 4, "a label's name is empty"],
    ['hexadecimal', 'a 0x1p4\n', 1, 3, 'expected a value, found "0x1p4"'],
    ['underscores', 'a 1_000\n', 1, 3, 'expected a value, found "1_000"'],
    ['signed NaN', 'a -nan\n', 1, 3, 'expected a value, found "-nan"'],
    ['a number too large', 'a 1e309\n', 1, 3, 'expected a value, found "1e309"'],
    ['an exponent of nothing', 'a 1e\n', 1, 3, 'expected a value, found "1e"'],
    ['a negative timestamp', 'a 1 -1\n', 1, 5, 'expected a timestamp or the end of the line, found "-"'],
    [
      'a timestamp with a fraction',
      'a 1 1.5\n',
      1,
      6,
      'expected a timestamp or the end of the line, found "."',
    ],
    ['a timestamp too large', 'a 1 9223372036854775808\n', 1, 5, 'the timestamp is out of range'],
    ['a third number', 'a 1 2 3\n', 1, 7, 'expected a timestamp or the end of the line, found "3"'],
    [
      'an unknown type',
      '# TYPE a info\n',
      1,
      10,
      '"info" is not a type: counter, gauge, histogram, summary, untyped',
    ],
    [
      'a type and a blank',
      '# TYPE a gauge \n',
      1,
      10,
      '"gauge " is not a type: counter, gauge, histogram, summary, untyped',
    ],
    ['a help text for nothing', '# HELP \n', 1, 8, "expected a metric's name, found the end of the line"],
    ['a NUL within the word of metadata', '# TY\0PE a x\n', 1, 5, 'a NUL byte in HELP or TYPE'],
    ['a NUL after a value', 'a 1\0\n', 1, 4, 'expected a timestamp or the end of the line, found "\\u0000"'],
    [
      'characters, not bytes, in the column',
      'a{b="üü€𝄞",c} 1\n',
      1,
      13,
      'expected = after a label\'s name, found "}"',
    ],
  ])('refuses %s', (_, page, line, column, reason) => {
    expect(text(page)).toEqual({ ok: false, line, column, reason })
  })

  test('refuses what is not UTF-8 where it matters', () => {
    const latin1 = (page: string) => inspect(Buffer.from(page, 'latin1'), 'text/plain', limits)
    expect(latin1('a 1\na{b="ü"} 1\n')).toEqual({
      ok: false,
      line: 2,
      column: 6,
      reason: "a label's value is not valid UTF-8",
    })
    expect(latin1('# HELP a ü\n')).toMatchObject({ ok: false, reason: 'a help text is not valid UTF-8' })
    expect(latin1('{"ü"} 1\n')).toMatchObject({ ok: false, reason: 'a quoted name is not valid UTF-8' })
    expect(latin1('# ü\na 1\n')).toMatchObject({ ok: true, series: 1 })
  })

  test('calls a page with quoted names by the version that has them', () => {
    expect(text('{"a.b"} 1\n')).toMatchObject({ format: 'text/1.0.0' })
    expect(text('a 1\n')).toMatchObject({ format: 'text/0.0.4' })
  })
})

describe('OpenMetrics', () => {
  test.each([
    ['an empty page', '', 0],
    ['nothing', '# EOF', 0],
    ['a newline after the end', 'a 1\n# EOF\n', 1],
    ['metadata', '# HELP a_s x\n# TYPE a_s gauge\n# UNIT a_s s\na_s 1\n# EOF\n', 1],
    ['empty texts', '# HELP a \n# UNIT a \n# EOF\n', 0],
    [
      'every type',
      `${['counter', 'gauge', 'histogram', 'gaugehistogram', 'summary', 'info', 'stateset', 'unknown'].map((t) => `# TYPE a ${t}\n`).join('')}# EOF`,
      0,
    ],
    ['timestamps', 'a 1 1\nb 1 -1.5\nc 1 1e9\n# EOF', 3],
    ['exemplars', 'a 1 # {} 1\nb 1 1 # {c="d"} 1e9 1.5\nc 1 # {"d.e"="f",g="h",} 1 -1\n# EOF', 3],
    ['quoted names', '{"a.b","c.d"="e"} 1\n# TYPE "a.b" gauge\n# EOF', 1],
    ['a trailing comma', 'a{b="c",} 1\n# EOF', 1],
  ])('accepts %s', (_, page, series) => {
    expect(openMetrics(page)).toMatchObject({ ok: true, series })
  })

  test.each([
    ['a page that doesn’t end', 'a 1\n', 2, 1, 'the metrics do not end with # EOF'],
    ['a line that doesn’t end', 'a 1', 1, 4, 'expected the end of the line, found the end of the metrics'],
    ['more after the end', '# EOF\n\n', 2, 1, 'more lines after # EOF'],
    [
      'an empty line',
      '\n# EOF',
      1,
      1,
      "expected a metric's name, # HELP, # TYPE, # UNIT or # EOF, found the end of the line",
    ],
    [
      'a comment',
      '# hello\n# EOF',
      1,
      1,
      'expected a metric\'s name, # HELP, # TYPE, # UNIT or # EOF, found "#"',
    ],
    [
      'untyped',
      '# TYPE a untyped\n# EOF',
      1,
      10,
      '"untyped" is not a type: counter, gauge, histogram, gaugehistogram, summary, info, stateset, unknown',
    ],
    ['a wrong unit', '# UNIT a_s m\n# EOF', 1, 12, 'the unit m is not the end of the name a_s'],
    ['a unit that is the name', '# UNIT s s\n# EOF', 1, 10, 'the unit s is not the end of the name s'],
    ['metadata without a text', '# HELP a\n# EOF', 1, 9, 'expected a space, found the end of the line'],
    ['a space too many', 'a{b="c", d="e"} 1\n# EOF', 1, 9, 'expected a label\'s name or }, found " "'],
    ['a missing comma', 'a{b="c"d="e"} 1\n# EOF', 1, 8, 'expected , or }, found "d"'],
    ['two spaces', 'a  1\n# EOF', 1, 3, 'expected a value, found " "'],
    ['a space at the end', 'a 1 \n# EOF', 1, 5, 'expected a timestamp, found the end of the line'],
    ['a newline in a value', 'a{b="c\nd"} 1\n# EOF', 1, 7, "the line ends within a label's value"],
    ['an infinite timestamp', 'a 1 +Inf\n# EOF', 1, 5, 'the timestamp is not finite'],
    ['an exemplar with a name only', 'a 1 # {"b"} 1\n# EOF', 1, 11, 'expected =, found "}"'],
    ['an exemplar without braces', 'a 1 # b\n# EOF', 1, 7, 'expected an exemplar as # {…}, found "b"'],
    [
      'an exemplar that begins otherwise',
      'a 1 5 x {} 1\n# EOF',
      1,
      7,
      'expected an exemplar as # {…}, found "x"',
    ],
    [
      'an exemplar that ends the page',
      'a 1 5 # ',
      1,
      9,
      'expected an exemplar as # {…}, found the end of the metrics',
    ],
    [
      'an exemplar without a value',
      'a 1 # {b="c"}\n# EOF',
      1,
      14,
      "expected a space and the exemplar's value, found the end of the line",
    ],
  ])('refuses %s', (_, page, line, column, reason) => {
    expect(openMetrics(page)).toEqual({ ok: false, line, column, reason })
  })
})

describe('leniency', () => {
  test.each([undefined, '', 'text/html', 'application/json', 'nonsense;;'])(
    'reads a page of Content-Type %j by what it is',
    (contentType) => {
      const remarks = [
        expect.stringMatching(/Content-Type.*for which Prometheus 3 would refuse the metrics$/),
      ]
      expect(sent('a 1', contentType)).toMatchObject({ ok: true, format: 'text/0.0.4', remarks })
      expect(sent('# TYPE a info\na_info 1\n# EOF', contentType)).toMatchObject({
        ok: true,
        format: 'openmetrics/1.0.0',
        remarks,
      })
      expect(sent('<p>', contentType)).toMatchObject({ ok: false })
    },
  )

  test('reports what is wrong beside CR LF', () => {
    expect(text('a 1\r\nb x\r\n')).toMatchObject({ ok: false, line: 2, column: 3 })
  })

  test('fixes CR LF, which Prometheus would refuse', () => {
    const found = text('# TYPE a counter\r\na{b="c"} 1\r\nb 2\r\n')
    expect(found).toMatchObject({
      ok: true,
      series: 2,
      remarks: ['lines end in CR LF, which Prometheus would refuse'],
    })
    expect(found.ok && Buffer.from(found.normalized!).toString()).toBe('# TYPE a counter\na{b="c"} 1\nb 2\n')
  })

  test('fixes CR LF in OpenMetrics, too', () => {
    const found = openMetrics('# TYPE a counter\r\na_total 1 # {b="c"} 1\r\n# EOF\r\n')
    expect(found).toMatchObject({ ok: true, format: 'openmetrics/1.0.0', series: 1 })
    expect(found.ok && Buffer.from(found.normalized!).toString()).toBe(
      '# TYPE a counter\na_total 1 # {b="c"} 1\n# EOF\n',
    )
  })

  test('leaves CR alone where Prometheus takes it', () => {
    expect(text('# HELP a x\r\na 1\n')).toEqual({ ok: true, format: 'text/0.0.4', series: 1, remarks: [] })
  })
})

describe('limits', () => {
  test('the number of series', () => {
    const page = Array.from({ length: 1001 }, (_, i) => `a{b="${i}"} 1\n`).join('')
    expect(text(page)).toEqual({ ok: false, line: 1001, column: 1, reason: 'more than 1000 series' })
  })

  test('the length of a line', () => {
    expect(text(`a 1\nb{c="${'x'.repeat(10_000)}"} 1`)).toEqual({
      ok: false,
      line: 2,
      column: 1,
      reason: 'longer than 10000 bytes',
    })
  })
})

describe('labels of one name', () => {
  const labels = (count: number) => Array.from({ length: count }, (_, i) => `l${i}="${i}"`).join()

  test.each([
    ['plainly written', (more: string) => `a{${labels(20)},${more}} 1\n`],
    ['with blanks', (more: string) => `a{ ${labels(20)},${more}} 1\n`],
    ['many', (more: string) => `a{${labels(40)},${more}} 1\n`],
    ['many, with blanks', (more: string) => `a{ ${labels(40)},${more}} 1\n`],
  ])('%s', (_, line) => {
    expect(text(line('m0="0"')).ok).toBe(true)
    for (const twice of ['l0', 'l19', '"l7"'])
      expect(text(line(`${twice}="x"`))).toMatchObject({
        ok: false,
        reason: expect.stringContaining('twice'),
      })
    expect(text(line('__name__="x"'))).toMatchObject({ reason: 'the label __name__ occurs twice' })
  })
})

test('a line of very many labels takes no time', () => {
  const labels = Array.from({ length: 50_000 }, (_, i) => `l${i}="${i}"`)
  const wide = { maxSeries: 1, maxLineBytes: 10_000_000 }
  expect(inspect(Buffer.from(`a{${labels.join()}} 1`), undefined, wide).ok).toBe(true)
  expect(inspect(Buffer.from(`a{${labels.join()},l77=""} 1`), undefined, wide)).toMatchObject({
    reason: 'the label l77 occurs twice',
  })
})
