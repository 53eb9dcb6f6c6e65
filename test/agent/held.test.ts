import { expect, test } from 'vitest'
import { boundsOf } from '../../src/agent/bounds.ts'
import { createHeldPages } from '../../src/agent/held.ts'
import type { Page } from '../../src/model.ts'
import { plainPage } from '../../src/model.ts'

const mebi = 2 ** 20
const page = (bytes: number): Page =>
  plainPage(new Uint8Array(bytes), { format: 'text/0.0.4', series: 1, remarks: [] })

test('large pages take half of the room together, small ones all of it', () => {
  const held = createHeldPages(20 * mebi)
  for (const id of ['a', 'b']) held.admit(id, page(5 * mebi))
  expect(() => held.admit('c', page(2 * mebi))).toThrow('take too much memory')
  for (let n = 0; n < 10; n += 1) held.admit(`small${n}`, page(mebi))
  expect(() => held.admit('small10', page(mebi))).toThrow('take too much memory')
})

test('a page takes the place of the one before, and a container that is gone takes none', () => {
  const held = createHeldPages(20 * mebi)
  held.admit('a', page(10 * mebi))
  held.admit('a', page(9 * mebi))
  expect(() => held.admit('b', page(2 * mebi))).toThrow('take too much memory')
  held.admit('a', page(5))
  held.admit('b', page(9 * mebi))
  held.forget('b')
  held.admit('c', page(10 * mebi))
})

test('a snapshot whose page finds no room is a failure that says so', () => {
  const held = createHeldPages(2 * mebi)
  const snapshot = { ok: true, at: 5, durationMs: 1, page: page(1.5 * mebi) } as const
  expect(held.checked('a', snapshot)).toEqual({
    ok: false,
    at: 5,
    durationMs: 1,
    trouble: {
      code: 'overloaded',
      reason: 'the metrics of this node’s containers together take too much memory',
      hint: expect.stringContaining('memory limit'),
    },
  })
  const small = { ...snapshot, page: page(10) }
  expect(held.checked('a', small)).toBe(small)
})

test.each([256, 512, 1024, 8192, Number.POSITIVE_INFINITY])(
  'with a limit of %d MiB all that may be held leaves room for the agent itself',
  (limit) => {
    const { scrapeBytes, answerBytes, heldBytes } = boundsOf(limit * mebi, 16 * mebi)
    if (limit >= 512) expect(scrapeBytes + answerBytes + heldBytes).toBeLessThan(0.6 * limit * mebi)
    // the largest page, as it came and unpacked, fits into what large ones may take
    for (const bytes of [scrapeBytes, answerBytes]) expect(bytes * 0.75).toBeGreaterThanOrEqual(32 * mebi)
  },
)
