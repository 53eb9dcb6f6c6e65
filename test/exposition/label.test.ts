import { expect, test } from 'vitest'
import type { Label } from '../../src/exposition/family.ts'
import type { Exposition } from '../../src/exposition/formats.ts'
import { merge } from '../../src/exposition/merge.ts'
import { openMetricsPage, read, textPage } from './pages.ts'

const label = (page: Exposition, added: Label) =>
  merge([{ page, label: added }], { format: page.format, escaping: 'allow-utf-8' }).body
const slot = { name: 'slot', value: '1' }

test('puts a label on each series', () => {
  const page = '# hello\n# HELP a  x \na{b="c"} 1 5\na{slot="2"} 1\n# TYPE a counter\nb 2'
  expect(read(label(textPage(page), slot))).toBe(
    '# HELP a  x \n# TYPE a counter\na{slot="1",b="c"} 1 5\na{slot="1",exported_slot="2"} 1\nb{slot="1"} 2\n',
  )
})

test('keeps what only OpenMetrics has', () => {
  const page = openMetricsPage('# TYPE a counter\na_total 1 1.5 # {b="c"} 1 2\n')
  expect(read(label(page, slot))).toBe(
    '# TYPE a counter\na_total{slot="1"} 1 1.500 # {b="c"} 1 2.000\n# EOF\n',
  )
})

test('an empty page stays empty', () => {
  expect(read(label(textPage(''), slot))).toBe('')
})
