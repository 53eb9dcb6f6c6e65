import { expect, test } from 'vitest'
import { label } from '../../src/exposition/label.ts'
import { openMetricsPage, read, textPage } from './pages.ts'

const slot = { name: 'slot', value: '1' }

test('puts a label on each series', () => {
  const page = '# hello\n# HELP a  x \na{b="c"} 1 5\na{slot="2"} 1\n# TYPE a counter\nb 2'
  expect(read(label(textPage(page), slot))).toBe(
    '# HELP a  x \n# TYPE a counter\na{slot="1",b="c"} 1 5\na{slot="1",exported_slot="2"} 1\nb{slot="1"} 2\n',
  )
})

test('keeps what only OpenMetrics has', () => {
  const page = openMetricsPage('# TYPE a counter\na_total 1 1.5 # {b="c"} 1 2\n')
  expect(read(label(page, slot))).toBe('# TYPE a counter\na_total{slot="1"} 1 1.5 # {b="c"} 1 2\n# EOF\n')
})

test('an empty page stays empty', () => {
  expect(read(label(textPage(''), slot))).toBe('')
})
