import type fs from 'node:fs'
import { expect, test, vi } from 'vitest'
import { createProcessMetrics } from '../../src/runtime/process-metrics.ts'
import { virtualClock } from '../helpers/clock.ts'

/** Other lines in place of those of the kernel. */
const limits = vi.hoisted(() => ({ text: undefined as string | undefined }))
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  const readFileSync = (...args: Parameters<typeof real.readFileSync>) =>
    limits.text !== undefined && args[0] === '/proc/self/limits' ? limits.text : real.readFileSync(...args)
  return { ...real, readFileSync }
})

function started() {
  const clock = virtualClock()
  let lost = 0
  const { clock: observed, metrics } = createProcessMetrics({ ...clock, now: () => clock.now() + lost })
  return {
    clock,
    metrics,
    /** Keeps the event loop busy while a timer is due. */
    stall(ms: number) {
      observed.after(10, () => {})
      lost += ms
      clock.passSync(10)
    },
    sample: (name: string) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(metrics.print())?.[1]),
  }
}

test('two readers see the same longest delay of the event loop', () => {
  const { stall, sample } = started()
  stall(250)
  const seen = [1, 2].map(() => sample('nodejs_eventloop_lag_max_seconds'))
  expect(seen[0]).toBeCloseTo(0.25, 2)
  expect(seen[1]).toBe(seen[0])
})

test('a delay is shown for a minute at least, and for two at most', () => {
  const { clock, stall, sample } = started()
  stall(250)
  clock.passSync(59_000)
  expect(sample('nodejs_eventloop_lag_max_seconds')).toBeCloseTo(0.25, 2)
  clock.passSync(61_000)
  expect(sample('nodejs_eventloop_lag_max_seconds')).toBe(0)
})

test('how busy the event loop is are counters, which reading does not touch', () => {
  const { sample } = started()
  const read = () =>
    ['active', 'idle'].map((state) => sample(`nodejs_eventloop_time_seconds_total{state="${state}"}`))
  const before = read()
  const after = read()
  expect(before.every(Number.isFinite)).toBe(true)
  expect(after.every((value, at) => value >= before[at]!)).toBe(true)
})

test.each(['process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_start_time_seconds'])(
  '%s is a number above 0',
  (name) => {
    expect(started().sample(name)).toBeGreaterThan(0)
  },
)

test('a number of open files without a limit has no metric', () => {
  const { sample } = started()
  expect(sample('process_max_fds')).toBeGreaterThan(0)
  limits.text = 'Max open files            1024                 4096                 files\n'
  expect(sample('process_max_fds')).toBe(1024)
  limits.text = 'Max open files            unlimited            unlimited            files\n'
  expect(started().metrics.print()).not.toMatch(/^process_max_fds/m)
  limits.text = undefined
})
