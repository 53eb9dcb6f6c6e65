import { expect, test } from 'vitest'
import { withLagMetrics } from '../../src/runtime/lag.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'

/** A clock whose event loop can be busy: timers due meanwhile fire once it is done. */
function started() {
  const clock: VirtualClock = virtualClock()
  let lost = 0
  const { clock: observed, readLag } = withLagMetrics({ ...clock, now: () => clock.now() + lost })
  const firedAt: number[] = []
  const timer = (ms: number) => observed.after(ms, () => firedAt.push(observed.now()))
  const busy = (ms: number) => {
    lost += ms
  }
  return { clock, observed, readLag, firedAt, timer, busy }
}

test('a timer that fires in time records no lag', () => {
  const { clock, timer, firedAt, readLag } = started()
  timer(100)
  clock.passSync(100)
  expect(firedAt).toEqual([1_000_100])
  expect(readLag().max).toBeLessThan(0.001)
})

test('each that fires late records by how much', () => {
  const { clock, timer, busy, readLag } = started()
  timer(100)
  timer(200)
  clock.passSync(100)
  busy(60)
  clock.passSync(100)
  expect(readLag().max).toBeCloseTo(60, 0)
  expect(readLag().mean).toBeCloseTo(30, 0)
})

test('a sleep records it too, one that is aborted does not', async () => {
  const { clock, observed, busy, readLag } = started()
  const slept = observed.sleep(100)
  const aborted = observed.sleep(100, AbortSignal.abort(new Error('enough')))
  await expect(aborted).rejects.toThrow('enough')
  busy(20)
  await clock.pass(100)
  await slept
  const { mean, max } = readLag()
  expect([mean, max].map(Math.round)).toEqual([20, 20])
})

test('a cancelled timer records nothing', () => {
  const { clock, timer, busy, firedAt, readLag } = started()
  timer(100)()
  busy(50)
  clock.passSync(500)
  expect([firedAt, readLag().max]).toEqual([[], 0])
})
