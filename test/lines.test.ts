import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lineEnd, lineStart, linesIn, samePrefix, viewOf } from '../src/lines.ts'

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

test('what two pages have in common ends at the first byte that differs', () => {
  fc.assert(
    fc.property(page, page, page, (shared, one, other) => {
      const [a, b] = [Buffer.concat([shared, one]), Buffer.concat([shared, other])]
      const same = samePrefix(viewOf(a), 0, viewOf(b), 0)
      expect(same).toBeGreaterThanOrEqual(shared.length)
      expect(a.subarray(0, same).equals(b.subarray(0, same))).toBe(true)
      expect(same === a.length || same === b.length || a[same] !== b[same]).toBe(true)
    }),
    { numRuns: 1000 },
  )
})
