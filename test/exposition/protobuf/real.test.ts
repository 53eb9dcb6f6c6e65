import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { contentTypeOf } from '../../../src/exposition/formats.ts'
import { inspect } from '../../../src/exposition/inspect.ts'
import { convert, merge, withLabel } from '../../../src/exposition/merge.ts'
import { read, toProtobuf, toText } from '../pages.ts'
import { decoded, isNative } from './judge.ts'
import { metricsOf } from './metrics.ts'

const fixture = (name: string) =>
  gunzipSync(readFileSync(new URL(`../../fixtures/protobuf/${name}.gz`, import.meta.url)))
const limits = { maxSeries: 100_000, maxLineBytes: 100_000 }

describe.each(['prometheus', 'alertmanager'])('%s', (name) => {
  const body = fixture(`${name}.protobuf`)
  const page = { format: 'protobuf' as const, body }
  const families = decoded(body)
  const natives = families.flatMap(({ metric = [] }) => metric).filter(isNative)

  test('is valid, with its native histograms', () => {
    expect(inspect(body, contentTypeOf('protobuf', 'underscores'), limits)).toMatchObject({
      ok: true,
      remarks: [],
    })
    expect(natives.length).toBeGreaterThan(3)
  })

  /** But for values, which are those of another time; and for native histograms whose classic buckets may be missing. */
  test('has in text the lines that it writes itself', () => {
    const withoutValues = (text: string) =>
      text.split('\n').map((line) => (line.startsWith('#') ? line : line.replace(/ \S+$/, '')))
    expect(withoutValues(read(convert(page, toText)))).toEqual(withoutValues(read(fixture(`${name}.text`))))
  })

  test('keeps all of each metric in a merge with a label', () => {
    const added = { name: 'slot', value: '1' }
    const merged = merge([{ page, label: added }], toProtobuf)
    expect(metricsOf(decoded(merged.body))).toEqual(metricsOf(families, (labels) => withLabel(labels, added)))
  })
})
