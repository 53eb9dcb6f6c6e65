import { describe, expect, test } from 'vitest'
import { conflictsIn } from '../../src/exposition/families.ts'
import { contentTypeOf } from '../../src/exposition/formats.ts'
import { inspect } from '../../src/exposition/inspect.ts'
import { convert, merge } from '../../src/exposition/merge.ts'
import { families } from '../helpers/families.ts'
import { exporters } from './corpus/corpus.ts'
import { samplesOf } from './corpus/meaning.ts'
import { shownSize, toOpenMetrics, toQuotedText } from './pages.ts'

const limits = { maxSeries: 100_000, maxLineBytes: 100_000 }

describe.each(exporters())('$name', ({ body, openMetrics }) => {
  const page = { format: openMetrics ? ('openmetrics/1.0.0' as const) : ('text/0.0.4' as const), body }

  test('is valid and unremarkable', () => {
    const series = samplesOf(page).length
    expect(series).toBeGreaterThan(8)
    expect(inspect(body, contentTypeOf(page.format), limits)).toEqual({
      ok: true,
      format: page.format,
      series,
      remarks: [],
    })
    expect(conflictsIn(page)).toEqual([])
  })

  test('means the same in the other format', () => {
    const to = openMetrics ? toQuotedText : toOpenMetrics
    const converted = { format: to.format, body: convert(page, to) }
    expect(inspect(converted.body, contentTypeOf(to.format), limits)).toMatchObject({ ok: true, remarks: [] })
    expect(sorted(samplesOf(converted))).toEqual(sorted(samplesOf(page)))
  })

  test('merges with itself, labels apart', () => {
    const parts = ['1', '2'].map((value) => ({ page, label: { name: 'slot', value } }))
    const { series, remarks } = merge(parts, toQuotedText)
    expect([series, remarks]).toEqual([2 * samplesOf(page).length, []])
  })

  test('has each sample in a family that it declares', () => {
    const found = families(page)
    expect(shownSize(found)).toBe(samplesOf(page).length)
    const undeclared = found.filter(({ type, help }) => type === 'unknown' && help === '')
    // this one was pushed without a type
    expect(undeclared.map(({ name }) => name).filter((name) => name !== 'some_metric')).toEqual([])
  })
})

const sorted = (samples: readonly { series: string }[]) =>
  [...samples].sort((a, b) => (a.series < b.series ? -1 : 1))
