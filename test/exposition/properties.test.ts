import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contentTypeOf, type NegotiatedFormat } from '../../src/exposition/formats.ts'
import { inspect } from '../../src/exposition/inspect.ts'
import { convert, type MergeInput, merge, withLabel } from '../../src/exposition/merge.ts'
import { families } from '../helpers/families.ts'
import { generatePage } from './corpus/generate.ts'
import { canonical, type Meant, samplesOf } from './corpus/meaning.ts'
import { mutated } from './corpus/mutate.ts'
import { seeded } from './corpus/random.ts'
import { exposition, read, shownSize, toOpenMetrics, toQuotedText } from './pages.ts'

const limits = { maxSeries: 10_000, maxLineBytes: 100_000 }
const runs = { numRuns: 300 }

type Page = MergeInput['page']

/** Valid pages by seed: fast-check shrinks the seed, which is enough to repeat what failed. */
const pages = (openMetrics?: boolean): fc.Arbitrary<Page> =>
  fc.nat().map((seed) => {
    const page = generatePage(seeded(seed), openMetrics)
    return exposition(page.openMetrics ? 'openmetrics/1.0.0' : 'text/1.0.0', page.body)
  })
const targets = fc.constantFrom<NegotiatedFormat>(toQuotedText, toOpenMetrics)
const plainTargets = fc.record<NegotiatedFormat>({
  format: fc.constantFrom('text/0.0.4', 'openmetrics/0.0.1'),
  escaping: fc.constantFrom('underscores', 'dots', 'values'),
})
const labels = fc.record({
  name: fc.constantFrom('slot', 'b', 'le', 'instance', 'new'),
  value: fc.string({ unit: 'grapheme', minLength: 1 }),
})

const inspected = ({ format, body }: Page) => inspect(body, contentTypeOf(format), limits)
const lines = (body: Uint8Array) => read(body).split('\n').sort()

/** The samples as a merge shows them: each series at each time once, in any order. */
function once(samples: readonly Meant[]): string[] {
  const firsts = new Map<string, string>()
  for (const { series, value, time } of samples) {
    const key = `${series} ${time ?? ''}`
    if (!firsts.has(key)) firsts.set(key, `${key} = ${value}`)
  }
  return [...firsts.values()].sort()
}

/** Text has no times before 1970: what has one is left out. */
const expressible = (samples: readonly Meant[], { format }: NegotiatedFormat) =>
  samples.filter(({ time }) => time === undefined || time >= 0 || format.startsWith('openmetrics'))

test('what is generated is valid', () => {
  fc.assert(
    fc.property(pages(), (page) => {
      expect(inspected(page)).toMatchObject({ ok: true, series: samplesOf(page).length })
    }),
    runs,
  )
})

describe('a merge', () => {
  test('is valid, and means what its parts mean', () => {
    fc.assert(
      fc.property(fc.array(pages(), { maxLength: 4 }), targets, (parts, to) => {
        const merged = merge(
          parts.map((page) => ({ page })),
          to,
        )
        const page = { format: to.format, body: merged.body }
        expect(inspected(page)).toMatchObject({ ok: true, series: merged.series })
        expect(once(samplesOf(page))).toEqual(once(parts.flatMap((part) => expressible(samplesOf(part), to))))
      }),
      runs,
    )
  })

  test('of a merge is the same again', () => {
    fc.assert(
      fc.property(fc.array(pages(), { maxLength: 3 }), targets, (parts, to) => {
        const merged = merge(
          parts.map((page) => ({ page })),
          to,
        ).body
        const again = merge([{ page: { format: to.format, body: merged } }], to).body
        expect(lines(again)).toEqual(lines(merged))
      }),
      runs,
    )
  })

  test('is associative up to order', () => {
    fc.assert(
      fc.property(pages(false), pages(false), pages(false), (a, b, c) => {
        const join = (...parts: Page[]): Page => ({
          format: 'text/1.0.0',
          body: merge(
            parts.map((page) => ({ page })),
            toQuotedText,
          ).body,
        })
        expect(once(samplesOf(join(join(a, b), c)))).toEqual(once(samplesOf(join(a, join(b, c)))))
      }),
      runs,
    )
  })

  test('writes HELP, TYPE and UNIT of a family once', () => {
    fc.assert(
      fc.property(fc.array(pages(), { maxLength: 4 }), fc.oneof(targets, plainTargets), (parts, to) => {
        const metadata = read(
          merge(
            parts.map((page) => ({ page })),
            to,
          ).body,
        )
          .split('\n')
          .filter((line) => line.startsWith('# ') && line !== '# EOF')
          .map((line) => /^# \w+ ("(\\.|[^\\"])*"|\S+)/.exec(line)![0])
        expect(metadata).toEqual([...new Set(metadata)])
      }),
      runs,
    )
  })

  test('with a label puts it on each series and moves one of that name', () => {
    fc.assert(
      fc.property(pages(), labels, targets, (page, added, to) => {
        const merged = merge([{ page, label: added }], to)
        const expected = expressible(samplesOf(page), to).map((sample) => ({
          ...sample,
          series: labelled(sample, added),
        }))
        expect(once(samplesOf({ format: to.format, body: merged.body }))).toEqual(once(expected))
      }),
      runs,
    )
  })
})

/** The series with the label, by the rule alone. */
function labelled({ series }: Meant, added: { name: string; value: string }): string {
  const all = (JSON.parse(series) as [string, string][]).map(([name, value]) => ({ name, value }))
  const own = withLabel(
    all.filter(({ name }) => name !== '__name__'),
    added,
  ).map(({ name, value }) => [name, canonical(name, value)])
  const named = [...own, ['__name__', all.find(({ name }) => name === '__name__')!.value]]
  return JSON.stringify(named.sort(([a], [b]) => (a! < b! ? -1 : 1)))
}

test('to label and then to take the label away changes nothing', () => {
  fc.assert(
    fc.property(pages(), targets, (page, to) => {
      const added = { name: 'quite_new', value: '1' }
      const stripped = read(merge([{ page, label: added }], to).body).replaceAll(
        /\{quite_new="1"\}|,quite_new="1"|quite_new="1",/g,
        '',
      )
      const unlabelled = read(merge([{ page }], to).body)
      // but for empty braces, other than an exemplar's
      expect(stripped).toBe(unlabelled.replaceAll(/(?<!# )\{\}/g, ''))
    }),
    runs,
  )
})

describe('a conversion', () => {
  test('there and back means the same', () => {
    fc.assert(
      fc.property(pages(), (page) => {
        const [there, back] = page.format.startsWith('text')
          ? [toOpenMetrics, toQuotedText]
          : [toQuotedText, toOpenMetrics]
        const body = convert({ format: there.format, body: convert(page, there) }, back)
        expect(once(samplesOf({ format: back.format, body }))).toEqual(
          once(expressible(samplesOf(page), toQuotedText)),
        )
      }),
      runs,
    )
  })

  test('for a reader without quotes needs none', () => {
    fc.assert(
      fc.property(pages(), plainTargets, (page, to) => {
        const { format } = to
        expect(inspect(convert(page, to), contentTypeOf(format), limits)).toMatchObject({ ok: true, format })
      }),
      runs,
    )
  })
})

test('families hold each sample once', () => {
  fc.assert(
    fc.property(pages(), (page) => {
      expect(shownSize(families(page))).toBe(samplesOf(page).length)
    }),
    runs,
  )
})

describe('whatever comes', () => {
  test('is accepted or refused, and what is accepted can be merged, labelled and converted', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const random = seeded(seed)
        const { openMetrics, body } = generatePage(random)
        survives(mutated(body, random), openMetrics)
      }),
      { numRuns: 2000 },
    )
  })

  test('even random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (body, openMetrics) =>
        survives(body, openMetrics),
      ),
      { numRuns: 1000 },
    )
  })

  function survives(body: Uint8Array, openMetrics: boolean): void {
    const found = inspect(body, contentTypeOf(openMetrics ? 'openmetrics/1.0.0' : 'text/0.0.4'), limits)
    if (!found.ok) {
      expect(found.line).toBeGreaterThan(0)
      expect(found.column).toBeGreaterThan(0)
      return
    }
    const page = { format: found.format, body: found.normalized ?? body }
    for (const to of [toQuotedText, toOpenMetrics]) {
      const merged = merge([{ page, label: { name: 'slot', value: '1' } }], to)
      expect(inspect(merged.body, contentTypeOf(to.format), limits)).toMatchObject({
        ok: true,
        series: merged.series,
      })
    }
    const labelled = merge([{ page, label: { name: 'b', value: '1' } }], {
      format: page.format,
      escaping: 'allow-utf-8',
    })
    expect(inspect(labelled.body, contentTypeOf(page.format), limits)).toMatchObject({ ok: true })
  }
})
