import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock as clock, DeadlineExceeded, deadline } from '../../src/clock.ts'
import { startLoop } from '../../src/runtime/loop.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const onFailure = () => {}

describe('loop', () => {
  test('runs at once, then each interval, until stopped', async () => {
    let rounds = 0
    const loop = startLoop(
      async () => {
        rounds += 1
      },
      { clock, intervalMs: 1000, onFailure },
    )
    expect(rounds).toBe(1)
    await vi.advanceTimersByTimeAsync(2500)
    expect(rounds).toBe(3)
    await loop.stop()
    await vi.advanceTimersByTimeAsync(5000)
    expect(rounds).toBe(3)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('never runs twice at once; a trigger during a round starts one more', async () => {
    const waiting: (() => void)[] = []
    const loop = startLoop(() => new Promise((resolve) => void waiting.push(resolve)), {
      clock,
      intervalMs: 1000,
      onFailure,
    })
    loop.trigger()
    loop.trigger()
    expect(waiting).toHaveLength(1)
    waiting[0]?.()
    await vi.advanceTimersByTimeAsync(0)
    expect(waiting).toHaveLength(2)
    waiting[1]?.()
    await loop.stop()
  })

  test('backs off after failures, and no longer after a success', async () => {
    const rounds: number[] = []
    const start = clock.now()
    const loop = startLoop(
      async () => {
        rounds.push(clock.now() - start)
        if (rounds.length < 4) throw new Error('no')
      },
      { clock, intervalMs: 10_000, backoff: { minMs: 100, maxMs: 300 }, onFailure },
    )
    await vi.advanceTimersByTimeAsync(10_700)
    expect(rounds).toEqual([0, 100, 300, 600, 10_600])
    await loop.stop()
  })

  test('each failure is reported, with their number in a row', async () => {
    const reported: number[] = []
    const loop = startLoop(() => Promise.reject(new Error('no')), {
      clock,
      intervalMs: 10,
      onFailure: (_, inARow) => void reported.push(inARow),
    })
    await vi.advanceTimersByTimeAsync(25)
    await loop.stop()
    expect(reported).toEqual([1, 2, 3])
  })

  test('stopping aborts the round in progress and waits for its end', async () => {
    const steps: string[] = []
    const loop = startLoop(
      async (signal) => {
        await clock.sleep(60_000, signal).catch(() => {})
        steps.push('round over')
      },
      { clock, intervalMs: 1000, onFailure },
    )
    await loop.stop()
    steps.push('stopped')
    expect(steps).toEqual(['round over', 'stopped'])
  })
})

describe('deadline', () => {
  test('aborts when its time is up', async () => {
    using signal = deadline(clock, 500)
    await vi.advanceTimersByTimeAsync(499)
    expect(signal.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(signal.reason).toBeInstanceOf(DeadlineExceeded)
  })

  test('follows its parent, also one that has aborted already', () => {
    const parent = new AbortController()
    using early = deadline(clock, 500, parent.signal)
    parent.abort(new Error('parent'))
    using late = deadline(clock, 500, parent.signal)
    expect([early.reason, late.reason].map(String)).toEqual(['Error: parent', 'Error: parent'])
  })

  test('frees its timer', () => {
    {
      using signal = deadline(clock, 500)
      expect(signal.aborted).toBe(false)
      expect(vi.getTimerCount()).toBe(1)
    }
    expect(vi.getTimerCount()).toBe(0)
  })
})
