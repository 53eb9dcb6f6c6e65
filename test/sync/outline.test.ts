import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  commonTail,
  isSameHead,
  keepOutline,
  lineAfter,
  linesBetween,
  type Outline,
  outlineOf,
  sizeOf,
  tailSizeOf,
} from '../../src/sync/outline.ts'
import { outlined } from './deltas.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')

/** The tails of lines, found one character after the other. */
function tailsOf(page: Uint8Array): string[] {
  return Buffer.from(page)
    .toString('latin1')
    .split('\n')
    .map((line) => line.slice(headSize(line)))
}

function headSize(line: string): number {
  if (line.startsWith('#')) return line.length
  let hasLabels = false
  for (const [at, letter] of [...line].entries()) {
    if (letter === '{') hasLabels = true
    if (letter !== ' ' || (hasLabels && line[at - 1] !== '}')) continue
    return line.length - at - 1 > 255 ? line.length : at + 1
  }
  return line.length
}

function linesOf(outline: Outline): number[] {
  const lines: number[] = []
  for (let line = 0; line < outline.length; line = lineAfter(outline, line)) lines.push(line)
  return lines
}

const text = fc
  .array(
    fc.oneof(
      fc.constantFrom('a', 'a{b="c"}', '{"a b"}', '# HELP a b', '}', ' ', '{', '\n', '\0', '1.5e+06'),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom(15, 16, 17, 255, 256, 300).map((times) => 'x'.repeat(times)),
    ),
    { maxLength: 60 },
  )
  .map((parts) => Buffer.from(parts.join('')))

test('a page’s outline has each line’s size, and its tail as it is', () => {
  fc.assert(
    fc.property(text, (page) => {
      const outline = outlined(page)
      const lines = linesOf(outline)
      const texts = page.toString('latin1').split('\n')
      expect(lines.map((line) => sizeOf(outline, line))).toEqual(texts.map(({ length }) => length))
      const tails = tailsOf(page)
      expect(lines.map((line) => tailSizeOf(outline, line))).toEqual(tails.map(({ length }) => length))
      const memory = Buffer.from(outline.buffer)
      const words = (line: number) => memory.subarray(4 * (line + 3), 4 * lineAfter(outline, line))
      for (const [n, line] of lines.entries()) {
        const tail = tails[n]!
        expect(words(line).toString('latin1')).toBe(tail.padEnd(4 * Math.ceil(tail.length / 4), '\0'))
      }
      expect(linesBetween(outline, 0, outline.length)).toBe(texts.length)
    }),
    { numRuns: 500 },
  )
})

describe('heads', () => {
  const names = (count: number) =>
    Array.from({ length: count }, (_, n) => `name_${n}{a="${'x'.repeat(n % 70)}"}`)

  test('are the same, whatever follows and wherever the lines are', () => {
    const heads = names(200)
    const [one, two] = [
      outlined(bytes(heads.map((head) => `${head} 1`).join('\n'))),
      outlined(bytes(`# more\n\n${heads.map((head, n) => `${head} ${10 ** n}`).join('\n')}\n`)),
    ]
    const there = linesOf(two).slice(2)
    for (const [n, line] of linesOf(one).entries()) expect(isSameHead(one, line, two, there[n]!)).toBe(true)
  })

  test('are others if a single byte is', () => {
    const heads = [...names(200), ...Array.from({ length: 100 }, (_, n) => 'a'.repeat(n + 1))]
    const all = outlined(bytes(heads.flatMap((head) => [head, `b${head.slice(1)}`, `${head}c`]).join('\n')))
    const hashes = linesOf(all).map((line) => `${all[line]} ${all[line + 1]}`)
    const distinct = new Set(heads.flatMap((head) => [head, `b${head.slice(1)}`, `${head}c`]))
    expect(new Set(hashes).size).toBe(distinct.size)
  })

  test('are no line’s after the end', () => {
    const outline = outlined(bytes('a 1'))
    expect(isSameHead(outline, outline.length, outline, 0)).toBe(false)
  })
})

test('tails have as many bytes in common as they begin with', () => {
  const digits = fc.array(fc.constantFrom('0', '1', '\0', '\x80', '\xff'), { maxLength: 12 })
  fc.assert(
    fc.property(digits, digits, digits, (shared, one, other) => {
      const [a, b] = [[...shared, ...one].join(''), [...shared, ...other].join('')]
      let same = 0
      while (same < Math.min(a.length, b.length) && a[same] === b[same]) same += 1
      expect(commonTail(outlined(bytes(`a ${a}`)), 0, outlined(bytes(`bcd ${b}`)), 0)).toBe(same)
    }),
    { numRuns: 1000 },
  )
})

describe('what is kept', () => {
  const page = (count: number) =>
    bytes(Array.from({ length: count }, (_, n) => `metric_${n} ${n}`).join('\n'))

  test('is the outline as it was, in the memory of the one before if that fits', () => {
    let kept = outlined(page(100))
    for (const [count, fits] of [
      [101, true],
      [95, true],
      [300, false],
      [280, true],
      [100, false],
    ] as const) {
      const outline = outlineOf(page(count))!
      const next = keepOutline(outline, kept)!
      expect(next.buffer === kept.buffer).toBe(fits)
      expect(next).toEqual(outline)
      kept = next
    }
  })

  test('is never far more than the page: of one with many lines and little in them there is no outline', () => {
    expect(outlineOf(bytes('\n'.repeat(100_000)))).toBeUndefined()
    expect(outlineOf(page(100_000))).toBeDefined()
  })

  test('is nothing of a page that is larger than the program’s memory could be', () => {
    for (const length of [1.5 * 2 ** 30, 2 ** 31, 2 ** 32 + 1])
      expect(outlineOf({ length } as Uint8Array)).toBeUndefined()
    expect(outlineOf(page(1))).toBeDefined()
  })
})
