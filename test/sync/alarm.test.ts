import { expect, test } from 'vitest'
import { startAlarm } from '../../src/sync/alarm.ts'
import { virtualClock } from '../helpers/clock.ts'

/** Rings, and says each time that it wants to ring again in a second. */
function started() {
  const clock = virtualClock(0)
  const rang: number[] = []
  const alarm = startAlarm(clock, () => {
    rang.push(clock.now())
    return clock.now() + 1000
  })
  return { clock, alarm, rang }
}

test('it rings at once, and from then on when the last ring said', () => {
  const { clock, rang } = started()
  clock.passSync(2500)
  expect(rang).toEqual([0, 1000, 2000])
})

test('it rings sooner where something is due sooner, and no later for what is due later', () => {
  const { clock, alarm, rang } = started()
  clock.passSync(300)
  alarm.by(500)
  alarm.by(700)
  alarm.by(1400)
  clock.passSync(1400)
  expect(rang).toEqual([0, 500, 1500])
})

test('what is overdue rings at once', () => {
  const { clock, alarm, rang } = started()
  clock.passSync(300)
  alarm.by(100)
  clock.passSync(0)
  expect(rang).toEqual([0, 300])
})

test('what becomes due during a ring is heeded', () => {
  const clock = virtualClock(0)
  const rang: number[] = []
  const alarm = startAlarm(clock, () => {
    rang.push(clock.now())
    if (rang.length === 2) alarm.by(clock.now() + 10)
    return clock.now() + 1000
  })
  clock.passSync(2500)
  expect(rang).toEqual([0, 1000, 1010, 2010])
})

test('once stopped it never rings again', () => {
  const { clock, alarm, rang } = started()
  clock.passSync(500)
  alarm.stop()
  alarm.by(600)
  clock.passSync(5000)
  expect(rang).toEqual([0])
})
