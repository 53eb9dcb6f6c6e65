import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyDelta, applyDeltas } from '../../src/sync/delta.ts'
import { deltaBetween } from './deltas.ts'

const bytes = (text: string) => Buffer.from(text)
const line = fc.oneof(
  fc.constantFrom(
    'a 1',
    'a 2',
    'b{x="1"} 1',
    'b{x="1"} 22',
    'b{x="2"} 1',
    '# HELP a text',
    'é{l="ü"} 1\r',
    'é{l="ü"} 2\r',
    'a{b="} ",c="{"} 1 1700000000000',
    'a{b="} ",c="{"} 2 1700000010000',
    'h_bucket{le="1"} 7 # {trace_id="a b"} 0.5 1700000000.125',
    'h_bucket{le="1"} 8 # {trace_id="c"} 0.75 1700000010.5',
    `long ${'1'.repeat(300)}`,
    `long ${'1'.repeat(299)}2`,
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
)
const page = fc.array(line, { maxLength: 40 }).map((lines) => bytes(lines.join('\n')))
const binary = fc.uint8Array({ maxLength: 200 })

test('a delta makes the new page of the old one, whatever they hold', () => {
  fc.assert(
    fc.property(fc.oneof(page, binary), fc.oneof(page, binary), (from, to) => {
      expect(Buffer.compare(applyDelta(from, deltaBetween(from, to)), to)).toBe(0)
    }),
    { numRuns: 500 },
  )
})

test('several deltas at once give what they give one by one', () => {
  fc.assert(
    fc.property(fc.array(page, { minLength: 2, maxLength: 5 }), (pages) => {
      const deltas = pages.slice(1).map((to, at) => deltaBetween(pages[at]!, to))
      expect(Buffer.compare(applyDeltas(pages[0]!, deltas), pages.at(-1)!)).toBe(0)
    }),
  )
})

test('garbage as a delta throws or gives a page no longer than both together', () => {
  fc.assert(
    fc.property(page, binary, (from, delta) => {
      try {
        expect(applyDelta(from, delta).length).toBeLessThanOrEqual(from.length + delta.length)
      } catch (error) {
        expect((error as Error).message).toMatch(/^the (delta|bytes|number)/)
      }
    }),
    { numRuns: 500 },
  )
})

describe('a page that barely changed costs barely anything', () => {
  const series = Array.from({ length: 1000 }, (_, n) => `metric_${n}{device="eth${n % 7}"} ${n * 37}`)
  // its last line ends, too
  const lines = [...series, '']
  const from = bytes(lines.join('\n'))
  const sizeTo = (to: readonly string[]) => deltaBetween(from, bytes(to.join('\n'))).length

  test.each([
    ['nothing changed', lines, 3],
    ['one value', lines.with(500, 'metric_500{device="eth3"} 18501'), 16],
    ['a line less', lines.toSpliced(500, 1), 12],
    ['a line more', lines.toSpliced(500, 0, 'new 1'), 20],
    ['twenty lines less and two more', lines.toSpliced(100, 20).toSpliced(700, 0, 'new 1', 'new 2'), 32],
  ])('%s', (_, to, most) => {
    expect(sizeTo(to)).toBeLessThanOrEqual(most)
  })
})

test('many lines of one name take time in proportion to their number', () => {
  const same = (count: number, last: string) => bytes([...Array(count).fill('some_name 1'), last].join('\n'))
  const [from, to] = [
    same(200_000, 'other_name 1'),
    bytes(`c 1\n${'other_name 2\nsome_name 1\n'.repeat(100_000)}`),
  ]
  expect(Buffer.compare(applyDelta(from, deltaBetween(from, to)), to)).toBe(0)
})
