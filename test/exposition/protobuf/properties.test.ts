import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contentTypeOf, type NegotiatedFormat } from '../../../src/exposition/formats.ts'
import { inspect } from '../../../src/exposition/inspect.ts'
import { convert, merge, withLabel } from '../../../src/exposition/merge.ts'
import { families } from '../../helpers/families.ts'
import { generatePage } from '../corpus/generate.ts'
import { type Meant, samplesOf } from '../corpus/meaning.ts'
import { mutated } from '../corpus/mutate.ts'
import { type Random, seeded } from '../corpus/random.ts'
import { repeated } from '../corpus/repeated.ts'
import { toOpenMetrics, toProtobuf, toQuotedText } from '../pages.ts'
import { generateFamilies } from './generate.ts'
import { decoded, encoded, isNative, type JudgedFamily, protobufPage, samplesOfFamilies } from './judge.ts'
import { metricsOf } from './metrics.ts'

const limits = { maxSeries: 10_000, maxLineBytes: 100_000 }
const runs = { numRuns: 500 }
/** By seed: fast-check shrinks the seed, which is enough to repeat what failed. */
const generated = fc.nat().map((seed) => generateFamilies(seeded(seed)))
const inspected = (body: Uint8Array) => inspect(body, contentTypeOf('protobuf'), limits)

const once = (samples: readonly Meant[]) =>
  [...new Set(samples.map(({ series, value, time }) => `${series} ${time ?? ''} = ${value}`))].sort()

/** Text has no times before 1970: what has one is left out. */
const expressible = (samples: readonly Meant[], { format }: NegotiatedFormat) =>
  samples.filter(({ time }) => time === undefined || time >= 0 || format.startsWith('openmetrics'))

test('what is generated is valid, with as many series as Prometheus makes of it', () => {
  fc.assert(
    fc.property(generated, (all) => {
      const found = inspected(protobufPage(all).body)
      expect(found).toMatchObject({ ok: true, format: 'protobuf', remarks: [] })
    }),
    runs,
  )
})

describe('a merge', () => {
  test('keeps all of each metric', () => {
    fc.assert(
      fc.property(generated, (all) => {
        const merged = merge([{ page: protobufPage(all) }], toProtobuf)
        expect(metricsOf(decoded(merged.body))).toEqual(metricsOf(decoded(encoded(all))))
        expect(inspected(merged.body)).toMatchObject({ ok: true, series: merged.series })
      }),
      runs,
    )
  })

  test('with a label changes nothing but the labels', () => {
    fc.assert(
      fc.property(generated, (all) => {
        const added = { name: 'code', value: '1' }
        const merged = merge([{ page: protobufPage(all), label: added }], toProtobuf)
        const expected = metricsOf(decoded(encoded(all)), (labels) => withLabel(labels, added))
        expect(metricsOf(decoded(merged.body))).toEqual(expected)
      }),
      runs,
    )
  })

  test('with text keeps the native histograms, and what the text means', () => {
    fc.assert(
      fc.property(generated, fc.nat(), (all, seed) => {
        const { openMetrics, body } = generatePage(seeded(seed))
        const text = { format: openMetrics ? ('openmetrics/1.0.0' as const) : ('text/1.0.0' as const), body }
        const parts = [
          { page: protobufPage(all), label: { name: 'quite_new', value: '1' } },
          { page: text, label: { name: 'quite_new', value: '2' } },
        ]
        const merged = merge(parts, toProtobuf)
        expect(inspected(merged.body)).toMatchObject({ ok: true, series: merged.series })
        const there = decoded(merged.body)
        const natives = (of: readonly JudgedFamily[]) =>
          of
            .flatMap(({ metric = [] }) => metric.filter(isNative))
            .map(({ histogram }) => JSON.stringify(histogram))
            .sort()
        expect(natives(there)).toEqual(natives(decoded(encoded(all))))
        const expected = samplesOf({ format: 'text/1.0.0', body: merge([parts[1]!], toQuotedText).body })
        const ofText = there.map((family) => ({
          ...family,
          metric: (family.metric ?? []).filter(({ label = [] }) =>
            label.some(({ name, value }) => name === 'quite_new' && value === '2'),
          ),
        }))
        const isExpressible = ({ time }: Meant) => time === undefined || time > 0
        expect(once(samplesOfFamilies(ofText).filter(isExpressible))).toEqual(
          once(expected.filter(isExpressible)),
        )
      }),
      runs,
    )
  })
})

describe('a conversion', () => {
  test.each([toQuotedText, toOpenMetrics])('to $format means what Prometheus makes of the metrics', (to) => {
    fc.assert(
      fc.property(generated, (all) => {
        const body = convert(protobufPage(all), to)
        expect(inspect(body, contentTypeOf(to.format), limits)).toMatchObject({ ok: true, format: to.format })
        expect(once(samplesOf({ format: to.format, body }))).toEqual(
          once(expressible(samplesOfFamilies(all), to)),
        )
      }),
      runs,
    )
  })

  test('of text there and back means the same', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { body } = generatePage(seeded(seed), false)
        const page = { format: 'text/1.0.0' as const, body }
        const there = { format: 'protobuf' as const, body: convert(page, toProtobuf) }
        const back = { format: 'text/1.0.0' as const, body: convert(there, toQuotedText) }
        const isExpressible = ({ time }: Meant) => time === undefined || time > 0
        const merged = { format: 'text/1.0.0' as const, body: merge([{ page }], toQuotedText).body }
        expect(once(samplesOf(back))).toEqual(once(samplesOf(merged).filter(isExpressible)))
      }),
      runs,
    )
  })
})

describe('whatever comes', () => {
  test('is accepted only if the judge decodes the same', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const random = seeded(seed)
        agree(damaged(random))
      }),
      { numRuns: 3000 },
    )
  })

  test('even random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (body) => agree(body)),
      { numRuns: 1000 },
    )
  })

  function damaged(random: Random): Uint8Array {
    return mutated(protobufPage(generateFamilies(random)).body, random)
  }

  function agree(body: Uint8Array): void {
    const found = inspected(body)
    if (!found.ok) {
      expect(found.column).toBeGreaterThan(0)
      return
    }
    const page = { format: 'protobuf' as const, body }
    const isUnique = repeated(page) === 0
    const again = decoded(merge([{ page }], toProtobuf).body)
    if (isUnique) expect(metricsOf(again)).toEqual(metricsOf(decoded(body)))
    families(page)
    for (const to of [toProtobuf, toQuotedText, toOpenMetrics]) {
      const merged = merge([{ page, label: { name: 'quite_new', value: '1' } }], to)
      expect(inspect(merged.body, contentTypeOf(to.format), limits)).toMatchObject({
        ok: true,
        series: merged.series,
      })
    }
  }
})
