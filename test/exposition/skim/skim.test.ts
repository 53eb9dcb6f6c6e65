import fc from 'fast-check'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { readClosely } from '../../../src/exposition/inspect.ts'
import { skim } from '../../../src/exposition/skim/skim.ts'
import { corpus, exporters } from '../corpus/corpus.ts'
import { generatePage } from '../corpus/generate.ts'
import { mutated } from '../corpus/mutate.ts'
import { createPieces } from '../corpus/piece.ts'
import { type Random, seeded } from '../corpus/random.ts'

const limits = { maxSeries: 1_000_000, maxLine: 100_000 }
const skimText = (page: string, most = limits) => skim(Buffer.from(page), false, most)
const skimOpenMetrics = (page: string) => skim(Buffer.from(page), true, limits)

/** What the close reader has to say of a page that is vouched for must be nothing. */
function agrees(body: Uint8Array, openMetrics: boolean): void {
  const series = skim(body, openMetrics, limits)
  if (series === undefined) return
  const format = openMetrics ? 'openmetrics/1.0.0' : 'text/0.0.4'
  expect(readClosely(format, body, limits)).toEqual({ ok: true, format, series, remarks: [] })
}

const names = (count: number) => Array.from({ length: count }, (_, i) => 'x'.repeat(i + 1))
const named = (count: number) =>
  names(count)
    .map((name) => `${name}="1"`)
    .join()
const numbers = [
  ...['0', '-0', '+1', '00012', '1.', '.5', '-.5', '1.5', '1234567890.12345678901234567890', '1e9', '1E9'],
  ...['1e+9', '1e-9', '1.5e+06', '1e+300', '1e-300', '1e-999', 'NaN', 'nan', 'Inf', '+Inf', '-Inf', 'inf'],
  ...['9'.repeat(308), `0.${'1'.repeat(300)}`, '1234567890123456', '123456789012345.'],
]
const typed = (types: readonly string[]) => types.map((type) => `# TYPE ${type} ${type}\n`).join('')
const common = ['counter', 'gauge', 'histogram', 'summary']

describe('vouched for, as text', () => {
  test.each([
    ['metadata', '# HELP a What it is.\n# TYPE a counter\na 1\n', 1],
    ['every type', typed([...common, 'untyped']), 0],
    ['a HELP without a text', '# HELP a\n# HELP b \na 1\n', 1],
    ['a HELP twice', '# HELP a b\n# HELP a c\na 1\n', 1],
    ['other comments', '#\n# \n# x\n#x\n##\n# EOF\na 1\n', 1],
    ['empty lines', '\n\na 1\n \n\t\nb 1\n\n', 2],
    ['no final newline', 'a 1\nb 1', 2],
    ['a comment without a newline', 'a 1\n# x', 1],
    ['a TYPE without a newline', 'a 1\n# TYPE a gauge', 1],
    ['blanks between the parts', ' a  1 \na { b="1" , c="2" } 2\t\n', 2],
    ['no blank before the value', 'a{b="c"}1\na+1\n', 2],
    ['empty braces, and a needless comma', 'a{} 1\na{b="c",} 2\n', 2],
    ['escapes', 'a{b="\\"\\\\\\n"} 1\na{b="\\\\"} 2\na{b="0123456789abcde\\""} 2\n', 3],
    ['what only looks like the end of a label', 'a{b="}",c=",",d="{",e="#"} 1\n', 1],
    ['labels that begin alike', 'a{b="1",c="2"} 1\na{b="1",c="3"} 1\na{b="1"} 1\na{c="2",d="1"} 1\n', 4],
    ['empty labels', 'a{b="",c="1"} 1\na{b="1",c=""} 1\n', 2],
    ['values that change places', 'a{b="1",c="2"} 1\na{b="2",c="1"} 1\n', 2],
    ['the name of one label as the value of the other', 'a{b="c"} 1\na{c="b"} 1\n', 2],
    ['all kinds of characters', `a{b="ü€😀\t\0",c="${'x'.repeat(50)}"} 1\n# HELP a ü\0\n`, 1],
    [
      'names of any length',
      names(40)
        .map((name) => `${name}{${name}="1"} 1\n`)
        .join(''),
      40,
    ],
    [
      'values of any length',
      names(40)
        .map((value) => `a{b="${value}"} 1\n`)
        .join(''),
      40,
    ],
    ['colons', ':a 1\na:b{c="1"} 1\n', 2],
    ['as many labels as are usual', `a{${named(32)}} 1\n`, 1],
    ['numbers', numbers.map((number, i) => `a${i} ${number}\n`).join(''), numbers.length],
    ['timestamps', 'a 1\na 1 0\na 1 1395066363000 \na 1\t999999999999999999\n', 4],
    ['a series with the name of its family', '# TYPE a gauge\na 1\n', 1],
  ])('%s', (_, page, series) => {
    expect(skimText(page)).toBe(series)
    agrees(Buffer.from(page), false)
  })
})

describe('not vouched for, as text', () => {
  test.each([
    ['a series twice', 'a{b="1"} 1\nb 1\na{b="1"} 2\n'],
    ['a series twice, with the same timestamp', 'a 1 5\na 1 5\n'],
    ['a series twice, with its labels in another order', 'a{b="1",c="2"} 1\na{c="2",b="1"} 1\n'],
    ['a series twice, once with an empty label', 'a{b="1",c=""} 1\na{b="1"} 1\n'],
    ['a series twice, with its braces apart', 'a{} 1\na 1\n'],
    [
      'a series twice, behind one that begins alike',
      'a{b="1",c="2"} 1\na{b="1",c="3"} 1\na{b="1",c="2"} 1\n',
    ],
    ['a type twice', '# TYPE a counter\n# TYPE a gauge\n'],
    ['a label twice', 'a{b="1",b="2"} 1\n'],
    ['a label twice, behind a series that begins alike', 'a{b="1",c="2"} 1\na{b="1",b="2"} 1\n'],
    ['the label of the name', 'a{__name__="b"} 1\n'],
    ['more labels than are usual', `a{${named(33)}} 1\n`],
    ['a name in quotes', '{"a"} 1\n'],
    ['a label in quotes', 'a{"b"="c"} 1\n'],
    ['a family in quotes', '# TYPE "a" counter\n'],
    ['a name that begins with a digit', '1a 1\n'],
    ['a label that begins with a digit', 'a{1b="c"} 1\n'],
    ['a family that begins with a digit', '# TYPE 1a gauge\n'],
    ['a HELP whose family begins with a digit', '# HELP 1a b\n'],
    ['a label with a colon', 'a{b:c="d"} 1\n'],
    ...[...'/;@[`.-'].flatMap((sign) => [
      [`a name with ${sign}`, `a${sign}b 1\n`],
      [`a label with ${sign}`, `a{b${sign}c="d"} 1\n`],
    ]),
    ['a family with a dot', '# HELP a.b c\n'],
    ['a label without a value', 'a{b} 1\n'],
    ['a label without an equals sign', 'a{b"c"} 1\n'],
    ['a label without quotes', 'a{b=c} 1\n'],
    ['a label without a closing quote', 'a{b="c} 1\n'],
    ['a label without a name', 'a{="c"} 1\n'],
    ['a missing comma', 'a{b="c"d="e"} 1\n'],
    ['a comma alone', 'a{,} 1\n'],
    ['a missing brace', 'a{b="c" 1\n'],
    ['a newline in a value', 'a{b="1\n2"} 1\n'],
    ['an escaped newline', 'a{b="1\\\n2"} 1\n'],
    ['a needless escape', 'a{b="\\x"} 1\n'],
    ['no value', 'a\n'],
    ['no value behind labels', 'a{b="c"} \n'],
    ['a value that is none', 'a b\n'],
    ['a sign alone', 'a -\n'],
    ['a dot alone', 'a .\n'],
    ['two points', 'a 1.2.3\n'],
    ['an exponent without digits', 'a 1e\n'],
    ['an exponent with a sign alone', 'a 1e+\n'],
    ['an exponent with more', 'a 1e5x\n'],
    ['an exponent that is too large', 'a 1e309\n'],
    ['an exponent that is too large for more than one', 'a 9e308\n'],
    ['an exponent that makes it too large', 'a 12345e305\n'],
    ['an exponent of four digits', 'a 1e1000\n'],
    ['more digits than a float64 holds', `a ${'9'.repeat(309)}\n`],
    ['a hexadecimal number', 'a 0x10\n'],
    ['no number with a sign', 'a +NaN\n'],
    ['the beginning of a word', 'a Infi\n'],
    ['a word with a digit', 'a Inf5\n'],
    ['a timestamp that is none', 'a 1 x\n'],
    ['a timestamp with a fraction', 'a 1 1.5\n'],
    ['a timestamp below zero', 'a 1 -1\n'],
    ['a timestamp of too many digits', 'a 1 9223372036854775808\n'],
    ['something behind a timestamp', 'a 1 1 1\n'],
    ['something behind a value', 'a 1#\n'],
    ['CR', 'a 1\r\n'],
    ['CR behind a type', '# TYPE a gauge\r\n'],
    ['NUL at the beginning of a line', 'a 1\n\0b 1\n'],
    ['NUL in a comment', '#\0\na b\n'],
    ['NUL behind a family', '# HELP a\0\n'],
    ['an unknown type', '# TYPE a b\n'],
    ["a type of OpenMetrics'", '# TYPE a info\n'],
    ['a type that goes on', '# TYPE a gauges\n'],
    ['a type that is nearly one', '# TYPE a histogran\n'],
    ['no type', '# TYPE a\n'],
    ['a type without a family', '# TYPE  gauge\n'],
    ['a type with another blank', '# TYPE a  gauge\n'],
    ['a type in another way', '#  TYPE a b\n'],
    ['a type behind a tab', '#\tTYPE a b\n'],
    ['a help in another way', '#  HELP 1\n'],
    ['what is no metrics', '<html>\n'],
    ['other characters', 'ü 1\n'],
  ])('%s', (_, page) => {
    expect(skimText(page)).toBe(undefined)
  })

  test('what is no UTF-8', () => {
    expect(skim(Buffer.from('a{b="\xfc"} 1\n', 'latin1'), false, limits)).toBe(undefined)
  })

  test('what exceeds a limit', () => {
    const page = 'a{b="1"} 1\nb 1\n# HELP a b\nc 1\n'
    expect(skimText(page, { maxSeries: 3, maxLine: 11 })).toBe(3)
    expect(skimText(page, { maxSeries: 2, maxLine: 11 })).toBe(undefined)
    expect(skimText(page, { maxSeries: 3, maxLine: 10 })).toBe(undefined)
    expect(skimText('# HELP a b c\n', { maxSeries: 3, maxLine: 12 })).toBe(undefined)
  })
})

describe('vouched for, as OpenMetrics', () => {
  test.each([
    ['nothing', '# EOF\n', 0],
    ['an end without a newline', 'a 1\n# EOF', 1],
    ['metadata', '# HELP a What it is.\n# TYPE a counter\n# UNIT a_s s\n# UNIT a \na_total 1\n# EOF\n', 1],
    ['every type', `${typed([...common, 'info', 'stateset', 'gaugehistogram', 'unknown'])}# EOF\n`, 0],
    ['labels', 'a{} 1\na{b="c"} 1\na{b="d",c="e",} 1\na{b="\\\\"} 1\n# EOF\n', 4],
    ['timestamps', 'a 1 0\na 1 1.5\na 1 -3\na 1 1e9\na 1\n# EOF\n', 5],
    ['exemplars', 'a 1 # {} 1\nb 1 5 # {c="d",e="\\n"} 1.5 2.5\nc 1 # {d="e",} 1\n# EOF\n', 3],
  ])('%s', (_, page, series) => {
    expect(skimOpenMetrics(page)).toBe(series)
    agrees(Buffer.from(page), true)
  })
})

describe('not vouched for, as OpenMetrics', () => {
  test.each([
    ['no end', 'a 1\n'],
    ['something behind the end', '# EOF\na 1\n'],
    ['an empty line behind the end', '# EOF\n\n'],
    ['an end that goes on', '# EOFX\n'],
    ['an empty line', '\na 1\n# EOF\n'],
    ['a comment', '# x\n# EOF\n'],
    ['a HELP without a blank', '# HELP a\n# EOF\n'],
    ["a type of text's", '# TYPE a untyped\n# EOF\n'],
    ['a type that is nearly one', '# TYPE a gaugehistogran\n# EOF\n'],
    ['a unit that is not the end of the name', '# UNIT a_s m\n# EOF\n'],
    ['a unit that is the name', '# UNIT s s\n# EOF\n'],
    ['a unit that is a part of a word', '# UNIT as s\n# EOF\n'],
    ['a unit without a blank', '# UNIT a\n# EOF\n'],
    ['two blanks before the value', 'a  1\n# EOF\n'],
    ['a tab before the value', 'a\t1\n# EOF\n'],
    ['no blank before the value', 'a{b="c"}1\n# EOF\n'],
    ['a blank before the braces', 'a {b="c"} 1\n# EOF\n'],
    ['a blank before a label', 'a{ b="c"} 1\n# EOF\n'],
    ['a blank behind a label', 'a{b="c" } 1\n# EOF\n'],
    ['a blank at the end', 'a 1 \n# EOF\n'],
    ['a blank at the beginning', ' a 1\n# EOF\n'],
    ['a tab behind the value', 'a 1\tb 1\n# EOF\n'],
    ['CR', 'a 1\r\n# EOF\n'],
    ['a timestamp that is infinite', 'a 1 +Inf\n# EOF\n'],
    ['a series twice', 'a 1 1.5\nb 1\na 1 1.5\n# EOF\n'],
    ['an exemplar without labels', 'a 1 # 1\n# EOF\n'],
    ['an exemplar without a value', 'a 1 # {}\n# EOF\n'],
    ['an exemplar without a blank', 'a 1 # {}1\n# EOF\n'],
    ['an exemplar with something else in the place of a blank', 'a 1 # {},1\n# EOF\n'],
    ['an exemplar with a NUL', 'a 1 # {b="\0"} 1\n# EOF\n'],
    ['an exemplar with a missing comma', 'a 1 # {b="c"d="e"} 1\n# EOF\n'],
    ['an exemplar with an infinite timestamp', 'a 1 # {} 1 Inf\n# EOF\n'],
    ['an exemplar with more behind', 'a 1 # {} 1 2 3\n# EOF\n'],
  ])('%s', (_, page) => {
    expect(skimOpenMetrics(page)).toBe(undefined)
  })
})

describe('whatever is vouched for has nothing to remark on', () => {
  test('of the corpus', () => {
    for (const { body, openMetrics } of corpus()) agrees(body, openMetrics)
  })

  /** Runs with many seeds, of which each can be run again by itself. */
  const always = (holds: (random: Random) => void, numRuns: number) =>
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), (seed) => holds(seeded(seed))),
      { numRuns },
    )

  test('of pages made by chance, whole and damaged', () => {
    always((random) => {
      const { body, openMetrics } = generatePage(random)
      agrees(body, openMetrics)
      agrees(mutated(body, random), openMetrics)
    }, 3000)
  })

  test("of pieces of real exporters' pages, damaged", () => {
    const pieceOf = createPieces()
    always((random) => {
      const { body, openMetrics } = pieceOf(random)
      agrees(mutated(body, random), openMetrics)
    }, 10_000)
  })
})

test.each(exporters())('a real page is vouched for: $name', ({ body, openMetrics }) => {
  expect(skim(body, openMetrics, limits)).toBeGreaterThan(8)
})

describe('a page of many parts', () => {
  /** The program reads 256 KiB at a time. */
  const part = 2 ** 18
  const lineOf = (size: number, value: number) => `a{b="${`${value}`.padStart(size - 10, '0')}"} 1\n`

  test.each([-66, -65, -64, -2, -1, 0, 1, 2, 64, 65, 66])(
    'where a line ends %d bytes from where one ends',
    (offset) => {
      const first = Array.from({ length: part / 64 - 2 }, (_, i) => lineOf(64, i)).join('')
      const page = first + lineOf(part + offset - first.length, 0.5) + first.replaceAll('a{', 'c{')
      expect(page.length).toBe(part + offset + first.length)
      for (const whole of [
        page,
        page.slice(0, -1),
        page.slice(0, part + offset),
        page.slice(0, part + offset - 1),
      ]) {
        expect(skimText(whole)).toBe(whole.split(' 1').length - 1)
        agrees(Buffer.from(whole), false)
      }
    },
  )

  test('is vouched for only if none of it is in doubt', () => {
    const series = Array.from({ length: 100_000 }, (_, i) => lineOf(40, i))
    const page = series.join('')
    expect(skimText(page)).toBe(100_000)
    for (const line of [lineOf(40, 0), lineOf(40, 99_999), 'a b\n', '\0'])
      expect(skimText(page + line)).toBe(undefined)
    expect(skimText(page, { ...limits, maxSeries: 99_999 })).toBe(undefined)
  })

  test('with a line that is longer than a part is left to the other reader', () => {
    expect(skimText(`a 1\nb{c="${'x'.repeat(part)}"} 1\n`, { ...limits, maxLine: 2 * part })).toBe(undefined)
    expect(skimText('a 1\n')).toBe(1)
  })

  test('is all read before it ends', () => {
    const comments = `# HELP a ${'x'.repeat(1000)}\n`.repeat(300)
    expect(skimOpenMetrics(`${comments}# EOF\n`)).toBe(0)
    expect(skimOpenMetrics(comments)).toBe(undefined)
    expect(skimOpenMetrics(`${comments.slice(0, 259 * 1010)}# EOF\n${comments}# EOF\n`)).toBe(undefined)
  })
})

test('short lines, of which many find the bit of another, are no repeats of it', () => {
  const page = Array.from({ length: 100_000 }, (_, i) => `a${i} 1\n`).join('')
  expect(skimText(page)).toBe(100_000)
  expect(skimText(`${page}a77 1\n`)).toBe(undefined)
})

describe('memory', () => {
  const Instance = vi.spyOn(WebAssembly, 'Instance')
  const large = Array.from({ length: 500_000 }, (_, i) => `a{b="${i}"} 1\n`).join('')
  function noMemory(): never {
    throw new RangeError('out of memory')
  }
  afterEach(() => void Instance.mockReset())
  afterAll(() => Instance.mockRestore())

  test('is kept from page to page, but not that for a very large one', () => {
    const opened = ['a 1\n', large, 'a 1\n', 'b 1\n'].map((page) => {
      expect(skimText(page)).toBeGreaterThan(0)
      return Instance.mock.calls.length
    })
    expect(opened.map((count) => count - opened[0]!)).toEqual([0, 0, 1, 1])
  })

  test('that is not to be had leaves the page to the other reader', () => {
    skimText(large)
    Instance.mockImplementationOnce(noMemory)
    expect(skimText('a 1\n')).toBe(undefined)
    expect(skimText('a 1\n')).toBe(1)
  })
})
