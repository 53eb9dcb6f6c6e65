import { expect, test } from 'vitest'
import { createStoreMemory, memoryBudgets } from '../../src/agent/store-memory.ts'
import type { MetricsPage } from '../../src/model.ts'
import { plainPage } from '../../src/model.ts'
import { found, target } from '../store/samples.ts'

const mebi = 2 ** 20
const page = (bytes: number): MetricsPage =>
  plainPage(new Uint8Array(bytes), { format: 'text/0.0.4', series: 1, remarks: [] })

test('large pages together take half of the budget, small ones all of it', () => {
  const memory = createStoreMemory(20 * mebi, true, () => true)
  for (const id of ['a', 'b']) memory.reserve(id, page(5 * mebi))
  expect(() => memory.reserve('c', page(2 * mebi))).toThrow('take too much memory')
  for (let n = 0; n < 10; n += 1) memory.reserve(`small${n}`, page(mebi))
  expect(() => memory.reserve('small10', page(mebi))).toThrow('take too much memory')
})

test('a page replaces the previous one, and a container that is gone takes none', () => {
  const memory = createStoreMemory(20 * mebi, true, () => true)
  memory.reserve('a', page(10 * mebi))
  memory.reserve('a', page(9 * mebi))
  expect(() => memory.reserve('b', page(2 * mebi))).toThrow('take too much memory')
  memory.reserve('a', page(5))
  memory.reserve('b', page(9 * mebi))
  memory.changed({ kind: 'deleted', owner: 'n1', id: 'b' })
  memory.reserve('c', page(10 * mebi))
})

test('a container that was removed while it was read takes none: nothing would ever free it', () => {
  const listed = new Set(['a'])
  const memory = createStoreMemory(2 * mebi, true, (id) => listed.has(id))
  memory.reserve('a', page(mebi))
  listed.delete('a')
  memory.changed({ kind: 'deleted', owner: 'n1', id: 'a' })
  memory.reserve('a', page(mebi))
  memory.capSnapshot('a', { ok: true, at: 5, durationMs: 1, page: page(mebi) })
  listed.add('b').add('c')
  for (const id of ['b', 'c']) memory.reserve(id, page(mebi))
})

test.each([true, false])(
  'the last page of a target that fails is counted where sync keeps it: %s',
  (hasSync) => {
    const memory = createStoreMemory(2 * mebi, hasSync, () => true)
    const snapshot = {
      ok: false,
      at: 5,
      durationMs: 1,
      failure: { code: 'overloaded', reason: 'no' },
    } as const
    for (const id of ['a', 'b']) memory.reserve(id, page(mebi))
    const entry = { owner: 'n1', target: target('a'), probeResult: found, snapshot, history: [] }
    memory.changed({ kind: 'entry', entry })
    const reserve = () => memory.reserve('c', page(mebi))
    if (hasSync) expect(reserve).toThrow('take too much memory')
    else expect(reserve).not.toThrow()
  },
)

test('a page that has no room leaves the one before counted, which is still there', () => {
  const memory = createStoreMemory(2 * mebi, true, () => true)
  memory.reserve('a', page(mebi))
  expect(() => memory.reserve('a', page(3 * mebi))).toThrow('take too much memory')
  memory.reserve('b', page(mebi))
  expect(() => memory.reserve('c', page(1))).toThrow('take too much memory')
})

test('a snapshot whose page has no room is a failure that says so', () => {
  const memory = createStoreMemory(2 * mebi, true, () => true)
  const snapshot = { ok: true, at: 5, durationMs: 1, page: page(1.5 * mebi) } as const
  expect(memory.capSnapshot('a', snapshot)).toEqual({
    ok: false,
    at: 5,
    durationMs: 1,
    failure: {
      code: 'overloaded',
      reason: 'the metrics of this node’s containers together take too much memory',
      hint: expect.stringContaining('memory limit'),
    },
  })
  const small = { ...snapshot, page: page(10) }
  expect(memory.capSnapshot('a', small)).toBe(small)
})

test.each([256, 512, 1024, 8192, Number.POSITIVE_INFINITY])(
  'with a limit of %d MiB all budgets together leave room for the agent itself',
  (limit) => {
    const budgets = memoryBudgets(limit * mebi, 16 * mebi)
    const { scrapeBytes, responseBytes } = budgets
    const sum = Object.values(budgets).reduce((all, bytes) => all + bytes, 0)
    if (limit >= 512) expect(sum).toBeLessThan(0.9 * limit * mebi)
    // the largest page, as it came and unpacked, fits into what large ones may take
    for (const bytes of [scrapeBytes, responseBytes]) expect(bytes * 0.75).toBeGreaterThanOrEqual(32 * mebi)
  },
)
