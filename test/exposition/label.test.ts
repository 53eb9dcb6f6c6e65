import { expect, test } from 'vitest'
import { label } from '../../src/exposition/label.ts'
import { openMetricsPage, read, textPage } from './pages.ts'

const slot = { name: 'slot', value: '1' }

test('puts a label on each series and changes nothing else', () => {
  const page = '\n# hello\n# HELP a  x \n\n a{ b="c" }  1 5 \n# TYPE a counter\nb 2\n\n'
  expect(read(label(textPage(page), slot))).toBe(
    '\n# hello\n# HELP a  x \n\n a{slot="1", b="c" }  1 5 \n# TYPE a counter\nb{slot="1"} 2\n\n',
  )
})

test('keeps what only OpenMetrics has', () => {
  const page = openMetricsPage('# TYPE a counter\na_total 1 1.5 # {b="c"} 1 2\n')
  expect(read(label(page, slot))).toBe('# TYPE a counter\na_total{slot="1"} 1 1.5 # {b="c"} 1 2\n# EOF\n')
})

test('an empty page stays empty', () => {
  expect(read(label(textPage(''), slot))).toBe('')
})
