import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compare, lineEnd, lineStart, linesIn, viewOf } from '../../src/sync/lines.ts'

const page = fc
  .array(fc.constantFrom(0, 9, 10, 10, 11, 0x7f, 0x80, 0x8a, 0xff), { maxLength: 60 })
  .map((bytes) => Uint8Array.from(bytes))

test('lines are counted and found as byte by byte', () => {
  fc.assert(
    fc.property(page, fc.nat(60), fc.nat(60), (bytes, one, other) => {
      const [start, end] = [Math.min(one, other, bytes.length), Math.min(Math.max(one, other), bytes.length)]
      expect(linesIn(viewOf(bytes), start, end)).toBe(
        bytes.subarray(start, end).filter((byte) => byte === 10).length,
      )
      expect(lineStart(bytes, end)).toBe(end === 0 ? 0 : bytes.lastIndexOf(10, end - 1) + 1)
      const newline = bytes.indexOf(10, start)
      expect(lineEnd(bytes, start)).toBe(newline < 0 ? bytes.length : newline)
    }),
    { numRuns: 1000 },
  )
})

test('what two pages have in common ends at the first byte that differs, and has so many lines', () => {
  const long = fc.tuple(page, fc.integer({ min: 1, max: 30 })).map(([bytes, times]) => {
    return Buffer.concat(Array.from({ length: times }, () => bytes))
  })
  fc.assert(
    fc.property(long, page, page, fc.nat(9), (shared, one, other, before) => {
      const [a, b] = [Buffer.concat([shared, one]), Buffer.concat([Buffer.alloc(before), shared, other])]
      const same = { bytes: 0, lines: 0 }
      compare(viewOf(a), 0, viewOf(b), before, same)
      const { bytes, lines } = same
      expect(bytes).toBeGreaterThanOrEqual(shared.length)
      expect(a.subarray(0, bytes).equals(b.subarray(before, before + bytes))).toBe(true)
      expect(bytes === a.length || before + bytes === b.length || a[bytes] !== b[before + bytes]).toBe(true)
      expect(lines).toBe(a.subarray(0, bytes).filter((byte) => byte === 10).length)
    }),
    { numRuns: 1000 },
  )
  const many = Buffer.alloc(100_000, '\n')
  const same = { bytes: 0, lines: 0 }
  compare(viewOf(many), 0, viewOf(many), 0, same)
  expect(same).toEqual({ bytes: 100_000, lines: 100_000 })
})
