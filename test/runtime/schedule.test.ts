import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSchedule } from '../../src/runtime/schedule.ts'
import { virtualClock } from '../helpers/clock.ts'

function started() {
  const clock = virtualClock(0)
  const fired: string[] = []
  const schedule = createSchedule(clock, (key) => fired.push(`${key}@${clock.now()}`))
  return { clock, fired, schedule }
}

test('each key is due once, in the order of time', () => {
  const { clock, fired, schedule } = started()
  schedule.set('c', 30)
  schedule.set('a', 10)
  schedule.set('b', 20)
  clock.passSync(100)
  expect(fired).toEqual(['a@10', 'b@20', 'c@30'])
})

test('a key can be moved to later, to sooner, and away', () => {
  const { clock, fired, schedule } = started()
  schedule.set('later', 10)
  schedule.set('later', 50)
  schedule.set('sooner', 40)
  schedule.set('sooner', 5)
  schedule.set('away', 20)
  schedule.delete('away')
  clock.passSync(100)
  expect(fired).toEqual(['sooner@5', 'later@50'])
})

test('a key may be set again from its own call', () => {
  const clock = virtualClock(0)
  const times: number[] = []
  const schedule = createSchedule(clock, () => {
    times.push(clock.now())
    schedule.set('again', clock.now() + 10)
  })
  schedule.set('again', 0)
  clock.passSync(35)
  expect(times).toEqual([0, 10, 20, 30])
})

test('after stop nothing is due', () => {
  const { clock, fired, schedule } = started()
  schedule.set('a', 10)
  schedule.stop()
  clock.passSync(100)
  expect(fired).toEqual([])
})

test('whatever is set, moved and deleted: what remains is due at its time', () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    at: fc.option(fc.integer({ min: 1, max: 99 })),
  })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const { clock, fired, schedule } = started()
      const expected = new Map<string, number>()
      for (const { key, at } of steps) {
        if (at === null) {
          schedule.delete(key)
          expected.delete(key)
        } else {
          schedule.set(key, at)
          expected.set(key, at)
        }
      }
      clock.passSync(100)
      expect(fired.toSorted()).toEqual([...expected].map(([key, at]) => `${key}@${at}`).toSorted())
      expect(fired.map((one) => Number(one.slice(2)))).toEqual([...expected.values()].sort((a, b) => a - b))
    }),
  )
})

test('a timer that fires early, as Node’s may, makes no key due before its time, and loses none', () => {
  const clock = virtualClock(0)
  const fired: number[] = []
  let isFirst = true
  const after = (ms: number, call: () => void) => {
    const earlyMs = isFirst ? 1 : 0
    isFirst = false
    return clock.after(ms - earlyMs, call)
  }
  const schedule = createSchedule({ ...clock, after }, () => fired.push(clock.now()))
  schedule.set('a', 10)
  clock.passSync(100)
  expect(fired).toEqual([10])
})
