import { describe, expect, test, vi } from 'vitest'
import { createLog } from '../../src/logging/log.ts'
import { type Memory, readUse, startMemory, type Use } from '../../src/runtime/memory.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { virtualClock } from '../helpers/clock.ts'

const mib = 2 ** 20
const roomy: Use = { resident: 100 * mib, mayReside: 512 * mib, heap: 40 * mib, mayHeap: 256 * mib }
const look = 1000

interface Setup {
  readonly memory: Memory
  /** How often memory was found short since the last call. */
  shortages(): number
  readonly lines: string[]
  take(use: Partial<Use>): void
  pass(ms?: number): Promise<void>
  print(): string
}

function setUp(collect?: (take: Setup['take']) => void): Setup {
  const clock = virtualClock()
  const metrics = createMetrics()
  const lines: string[] = []
  let reported = 0
  let use = roomy
  const take = (more: Partial<Use>) => {
    use = { ...use, ...more }
  }
  const memory = startMemory({
    clock,
    metrics,
    log: createLog('info', (line) => lines.push(JSON.parse(line).msg)),
    read: () => use,
    collect: collect && (() => collect(take)),
  })
  const shortages = () => {
    const before = reported
    reported = Number(/_memory_shed_total (\d+)/.exec(metrics.print())![1])
    return reported - before
  }
  return { memory, shortages, lines, take, pass: (ms = look) => clock.pass(ms), print: metrics.print }
}

describe('with room enough', () => {
  test('nothing is reported or collected', async () => {
    let collected = 0
    const { memory, shortages, lines, pass } = setUp(() => {
      collected += 1
    })
    await pass(60_000)
    expect([shortages(), lines, collected, memory.trouble()]).toEqual([0, [], 0, undefined])
    await memory.stop()
  })
})

describe.each<[string, Partial<Use>, Partial<Use>, Partial<Use>]>([
  ['of the container', { resident: 420 * mib }, { resident: 370 * mib }, { resident: 340 * mib }],
  ['for JavaScript objects', { heap: 210 * mib }, { heap: 190 * mib }, { heap: 150 * mib }],
])('when memory %s is short', (_, tight, between, eased) => {
  test('it is reported, until there is room again', async () => {
    const { memory, shortages, lines, take, pass } = setUp()
    await pass(10)
    take(between)
    await pass()
    expect([shortages(), memory.isExhausted()]).toEqual([0, false])
    take(tight)
    expect(memory.isExhausted()).toBe(false)
    await pass()
    expect([shortages(), memory.isExhausted()]).toEqual([1, true])
    await pass()
    expect(shortages()).toBe(1)
    take(between)
    expect(memory.isExhausted()).toBe(false)
    await pass()
    expect(shortages()).toBe(1)
    expect(memory.trouble()).toMatchObject({
      reason: expect.stringMatching(/^memory is short: \d+ of \d+ MiB/),
      hint: expect.stringContaining('raise the memory limit'),
    })

    take(eased)
    await pass(10 * look)
    expect([shortages(), memory.trouble()]).toEqual([0, undefined])
    expect(lines).toEqual(['memory is short: large answers are refused', 'there is memory again'])
    await memory.stop()
  })
})

test('garbage is collected first, and not often', async () => {
  let collected = 0
  const { memory, shortages, take, pass } = setUp((take) => {
    collected += 1
    if (collected === 1) take({ resident: 300 * mib })
  })
  await pass(10)
  take({ resident: 500 * mib })
  await pass(3 * look)
  expect([collected, shortages()]).toEqual([1, 0])
  take({ resident: 500 * mib })
  await pass(30 * look)
  expect(shortages()).toBeGreaterThan(0)
  expect(collected).toBeLessThanOrEqual(5)
  await memory.stop()
})

test('its metrics show the limits and how often memory was short', async () => {
  const { memory, take, pass, print } = setUp()
  await pass(10)
  take({ resident: 500 * mib, mayHeap: Number.POSITIVE_INFINITY })
  await pass(2 * look)
  expect(print()).toContain(`app_metrics_proxy_memory_limit_bytes{kind="resident"} ${512 * mib}`)
  expect(print()).not.toContain('kind="heap"')
  expect(print()).toContain('app_metrics_proxy_memory_shed_total 2')
  await memory.stop()
})

test('of this process', () => {
  const use = readUse()
  expect(use.resident).toBeGreaterThan(20 * mib)
  // node's own file is mapped, which is none of it
  expect(use.resident).toBeLessThan(process.memoryUsage.rss() - 20 * mib)
  expect(use.heap).toBeGreaterThan(mib)
  expect(use.mayHeap).toBeGreaterThan(use.heap)
  expect(use.mayReside).toBeGreaterThan(use.resident)
})

test('a limit that is changed while the agent runs counts at once', () => {
  const limit = vi.spyOn(process, 'constrainedMemory').mockReturnValue(512 * mib)
  try {
    expect(readUse().mayReside).toBe(512 * mib)
    limit.mockReturnValue(256 * mib)
    expect(readUse().mayReside).toBe(256 * mib)
  } finally {
    limit.mockRestore()
  }
})
