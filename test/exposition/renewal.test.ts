import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inspect } from '../../src/exposition/inspect.ts'
import { isRenewal } from '../../src/exposition/renewal.ts'

const renews = (before: string, next: string) => isRenewal(Buffer.from(before), Buffer.from(next))

describe('only values have changed', () => {
  test.each([
    ['nothing at all', 'a 1\n', 'a 1\n'],
    ['one', 'a 1\nb 2\n', 'a 1\nb 3\n'],
    ['longer and shorter', 'a 1\nb 2222\nc 3\n', 'a 11111\nb 2\nc 3\n'],
    ['behind labels', 'a{b="c",d="e"} 1\nb 1\n', 'a{b="c",d="e"} -2.5e-07\nb 1\n'],
    ['behind labels with quotes, braces and backslashes', 'a{b="}\\"{\\\\"} 1\n', 'a{b="}\\"{\\\\"} 2\n'],
    ['only at their end', 'a 10\n', 'a 11\n'],
    ['of names that begin with no letter', '_a 1\n:b 2\n{"c"} 3\n', '_a 4\n:b 5\n{"c"} 6\n'],
    ['in OpenMetrics', 'a 1\n# EOF\n', 'a 2\n# EOF\n'],
    [
      'none, in lines that are not plain',
      'a NaN\nb 1 1000\n{"c"} 1\nd 1\n',
      'a NaN\nb 1 1000\n{"c"} 1\nd 2\n',
    ],
  ])('%s', (_, before, next) => {
    expect(renews(before, next)).toBe(true)
  })
})

describe('something else has changed, or may have', () => {
  test.each([
    ['a name', 'a 1\n', 'b 1\n'],
    ['a name, which goes on', 'a 1\n', 'a1 1\n'],
    ['a label', 'a{b="c"} 1\n', 'a{b="d"} 1\n'],
    ['a label that only looks like a value', 'a{b="c} 1"} 1\n', 'a{b="c} 2"} 1\n'],
    ['a label behind an escaped quote', 'a{b="\\"} 1"} 1\n', 'a{b="\\"} 2"} 1\n'],
    ['a comment', '# HELP a 1\na 1\n', '# HELP a 2\na 1\n'],
    ['a comment in the place of a sample', 'a 1\n', '# 1\n'],
    ['a further line', 'a 1\n', 'a 1\nb 1\n'],
    ['one line less', 'a 1\nb 1\n', 'a 1\n'],
    ['the end of the page', 'a 1\nb 22\n', 'a 1\nb 2'],
    ['a timestamp that came', 'a 1\n', 'a 1 1000\n'],
    ['a timestamp that left', 'a 1 1000\na 1 2000\n', 'a 1\na 1 2000\n'],
    ['a timestamp', 'a 1 1000\n', 'a 1 1001\n'],
    ['a timestamp behind a tab and a value', 'a\t1 1000\n', 'a\t1 1001\n'],
    ['a timestamp behind a value that parts itself from the name', 'a+1 1000\n', 'a+1 1e-7\n'],
    ['a timestamp behind a value that the labels part from the name', 'a{b="c"}1 0\n', 'a{b="c"}1 1\n'],
    ['an exemplar', 'a 1 # {t="a"} 1\n# EOF\n', 'a 2 # {t="b"} 1\n# EOF\n'],
    ['a value that is none', 'a 1\n', 'a x\n'],
    ['a value that is half of one', 'a 1\n', 'a 1.\n'],
    ['a value that is missing', 'a 1\n', 'a \n'],
    ['a value of more digits than a float64 holds', 'a 1\n', `a ${'9'.repeat(400)}\n`],
    ['a value too large', 'a 1\n', 'a 1e999\n'],
    ['a value that is not plain', 'a 1\n', 'a NaN\n'],
    ['a carriage return', 'a 1\n', 'a 1\r\n'],
    ['everything', 'a 1\n', ''],
  ])('%s', (_, before, next) => {
    expect(renews(before, next)).toBe(false)
  })
})

describe('a page that passes as a renewal', () => {
  const limits = { maxSeries: 10_000, maxLine: 10_000 }
  const value = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.integer().map(String),
    fc.constantFrom('NaN', '+Inf', '1e5', '.5', '1.', '0x1', '1_0', '', '1e400', '9'.repeat(60)),
  )
  const line = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(
        fc.constantFrom('a', 'a_b', 'a{x="1"}', 'a{x="}\\""}', 'a {x="1"}', '{"a"}'),
        value,
      ),
    },
    fc.tuple(fc.constantFrom('# HELP a', '# TYPE a gauge', '#', 'a 1', 'a{', ' a'), value),
  )
  const joined = (lines: readonly (readonly [string, string])[]) =>
    lines.map((one) => `${one.join(' ')}\n`).join('')

  function holds(before: Buffer, next: Buffer): boolean {
    for (const type of ['text/plain; version=0.0.4', 'application/openmetrics-text; version=1.0.0']) {
      const first = inspect(before, type, limits)
      if (!first.ok || first.mended || !isRenewal(before, next)) continue
      expect(inspect(next, type, limits)).toEqual(first)
      return true
    }
    return false
  }

  test('is as valid as the one before, with as many series and the same remarks', () => {
    let renewals = 0
    const pages = fc.array(fc.tuple(line, value), { maxLength: 6 })
    fc.assert(
      fc.property(pages, fc.constantFrom('', '# EOF\n'), (lines, end) => {
        const before = Buffer.from(joined(lines.map(([one]) => one)) + end)
        const next = Buffer.from(joined(lines.map(([[series], other]) => [series, other])) + end)
        if (holds(before, next)) renewals += 1
      }),
      { numRuns: 3000 },
    )
    expect(renewals).toBeGreaterThan(100)
  })

  test('whatever bytes were changed, put in or cut out', () => {
    const page = '# HELP a b\n# TYPE a gauge\na 1\na{x="y\\""} 22.5\nb_c{d="}"} 3e-07\nd 4 1000\n'
    const edit = fc.record({
      at: fc.nat(page.length),
      cut: fc.nat(2),
      put: fc.string({ unit: fc.constantFrom(...'0123.e-+ \n"\\{}ax#=,'), maxLength: 3 }),
    })
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        const next = edits.reduce(
          (text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut),
          page,
        )
        holds(Buffer.from(page), Buffer.from(next))
      }),
      { numRuns: 5000 },
    )
  })
})
