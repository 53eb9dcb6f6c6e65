import { describe, expect, test, vi } from 'vitest'
import { createLog } from '../../src/logging/log.ts'
import { type Memory, type MemoryUse, readMemoryUse, startMemory } from '../../src/runtime/memory.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { virtualClock } from '../helpers/clock.ts'

const mib = 2 ** 20
const enough: MemoryUse = {
  ...{ residentBytes: 100 * mib, residentLimitBytes: 512 * mib },
  ...{ heapBytes: 40 * mib, heapLimitBytes: 256 * mib },
}
const checkMs = 1000

interface Setup {
  readonly memory: Memory
  readonly lines: string[]
  use(use: Partial<MemoryUse>): void
  pass(ms?: number): Promise<void>
  print(): string
}

function setUp(collect?: (use: Setup['use']) => void): Setup {
  const clock = virtualClock()
  const metrics = createMetrics()
  const lines: string[] = []
  let current = enough
  const use = (changed: Partial<MemoryUse>) => {
    current = { ...current, ...changed }
  }
  const memory = startMemory({
    clock,
    metrics,
    log: createLog('info', (line) => lines.push(JSON.parse(line).msg)),
    read: () => current,
    collect: collect && (() => collect(use)),
  })
  return { memory, lines, use, pass: (ms = checkMs) => clock.pass(ms), print: metrics.print }
}

test('with enough memory nothing is collected, refused or logged', async () => {
  let collected = 0
  const { memory, lines, pass } = setUp(() => {
    collected += 1
  })
  await pass(60_000)
  expect([lines, collected, memory.failure()]).toEqual([[], 0, undefined])
  await memory.stop()
})

describe.each<[string, Partial<MemoryUse>, Partial<MemoryUse>, Partial<MemoryUse>]>([
  [
    'of the container',
    { residentBytes: 420 * mib },
    { residentBytes: 370 * mib },
    { residentBytes: 340 * mib },
  ],
  ['for JavaScript objects', { heapBytes: 210 * mib }, { heapBytes: 190 * mib }, { heapBytes: 150 * mib }],
])('when memory %s is short', (_, short, between, below) => {
  test('large responses are refused until there is enough', async () => {
    const { memory, lines, use, pass } = setUp()
    await pass(10)
    use(between)
    await pass()
    expect([memory.failure(), memory.isExhausted()]).toEqual([undefined, false])
    use(short)
    expect(memory.isExhausted()).toBe(false)
    await pass()
    expect(memory.isExhausted()).toBe(true)
    use(between)
    expect(memory.isExhausted()).toBe(false)
    await pass()
    expect(memory.failure()).toMatchObject({
      reason: expect.stringMatching(/^memory is short: \d+ of \d+ MiB/),
      hint: expect.stringContaining('raise the memory limit'),
    })

    use(below)
    await pass(10 * checkMs)
    expect(memory.failure()).toBeUndefined()
    expect(lines).toEqual(['memory is short', 'memory is no longer short'])
    await memory.stop()
  })
})

test('garbage is collected first, and not often', async () => {
  let collected = 0
  const { memory, use, pass } = setUp((use) => {
    collected += 1
    if (collected === 1) use({ residentBytes: 300 * mib })
  })
  await pass(10)
  use({ residentBytes: 500 * mib })
  await pass(3 * checkMs)
  expect([collected, memory.failure()]).toEqual([1, undefined])
  use({ residentBytes: 500 * mib })
  await pass(30 * checkMs)
  expect(memory.failure()).toBeDefined()
  expect(collected).toBeLessThanOrEqual(5)
  await memory.stop()
})

test('its metrics are the limits and whether memory is short', async () => {
  const { memory, use, pass, print } = setUp()
  await pass(10)
  use({ residentBytes: 500 * mib, heapLimitBytes: Number.POSITIVE_INFINITY })
  await pass(2 * checkMs)
  expect(print()).toContain(`app_metrics_proxy_memory_limit_bytes{kind="resident"} ${512 * mib}`)
  expect(print()).not.toContain('kind="heap"')
  expect(print()).toContain('app_metrics_proxy_memory_short 1')
  await memory.stop()
})

test('of this process', () => {
  const { residentBytes, residentLimitBytes, heapBytes, heapLimitBytes } = readMemoryUse()
  expect(residentBytes).toBeGreaterThan(20 * mib)
  // Node's own file is mapped, and not counted
  expect(residentBytes).toBeLessThan(process.memoryUsage.rss() - 20 * mib)
  expect(heapBytes).toBeGreaterThan(mib)
  expect(heapLimitBytes).toBeGreaterThan(heapBytes)
  expect(residentLimitBytes).toBeGreaterThan(residentBytes)
})

test('a limit that is changed while the agent runs counts at once', () => {
  const limit = vi.spyOn(process, 'constrainedMemory').mockReturnValue(512 * mib)
  try {
    expect(readMemoryUse().residentLimitBytes).toBe(512 * mib)
    limit.mockReturnValue(256 * mib)
    expect(readMemoryUse().residentLimitBytes).toBe(256 * mib)
  } finally {
    limit.mockRestore()
  }
})
