import { expect, test } from 'vitest'
import { memoryBudgets } from '../../src/agent/memory-budgets.ts'

const mebi = 2 ** 20

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
