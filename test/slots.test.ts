import { expect, test } from 'vitest'
import { createSlots } from '../src/slots.ts'
import { virtualClock } from './helpers/clock.ts'

const forever = () => new Promise<never>(() => {})

test('no more runs at once than there are slots', async () => {
  const slots = createSlots(virtualClock(), 2, 1000)
  const first = Promise.withResolvers<void>()
  const started: number[] = []
  const all = [1, 2, 3].map((n) =>
    slots(() => {
      started.push(n)
      return n === 1 ? first.promise : forever()
    }),
  )
  await Promise.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  expect(started).toEqual([1, 2])
  expect([slots.running(), slots.waiting()]).toEqual([2, 1])
  first.resolve()
  await all[0]
  await new Promise((resolve) => setImmediate(resolve))
  expect(started).toEqual([1, 2, 3])
})

test('work that hangs gives its slot back after a while', async () => {
  const clock = virtualClock()
  const slots = createSlots(clock, 1, 100)
  void slots(forever)
  const next = slots(async () => 'done')
  await clock.pass(100)
  expect(await next).toBe('done')
})

test('when all of it hangs, as many as there are slots are started each time, in the order in which they came', async () => {
  const clock = virtualClock()
  const slots = createSlots(clock, 2, 100)
  const started: string[] = []
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    void slots(() => {
      started.push(`${name} ${clock.now() - 1_000_000}`)
      return forever()
    })
  await clock.pass(50)
  expect(started).toEqual(['a 0', 'b 0'])
  await clock.pass(250)
  expect(started).toEqual(['a 0', 'b 0', 'c 100', 'd 100', 'e 200'])
  expect([slots.running(), slots.waiting()]).toEqual([1, 0])
})

test('what has held its slot for too long makes room at once, and its end makes none again', async () => {
  const clock = virtualClock()
  const slots = createSlots(clock, 1, 100)
  const [late, next] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const lateDone = slots(() => late.promise)
  await clock.pass(1000)
  const nextDone = slots(() => next.promise)
  expect([slots.running(), slots.waiting()]).toEqual([1, 0])
  late.resolve()
  await lateDone
  void slots(forever)
  expect([slots.running(), slots.waiting()]).toEqual([1, 1])
  next.resolve()
  await nextDone
  expect([slots.running(), slots.waiting()]).toEqual([1, 0])
})

test('behind work that begins with a long computation, too, what waits is started', async () => {
  const clock = virtualClock()
  const pauses: number[] = []
  const after: typeof clock.after = (ms, callback) => {
    pauses.push(ms)
    return clock.after(ms, callback)
  }
  const slots = createSlots({ ...clock, after }, 1, 100)
  const started: string[] = []
  void slots(forever)
  for (const name of ['a', 'b', 'c'])
    void slots(() => {
      started.push(name)
      clock.passSync(150)
      return forever()
    })
  await clock.pass(1000)
  expect(started).toEqual(['a', 'b', 'c'])
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(0)
})

test('as long as nothing waits nobody looks at the time', async () => {
  let timers = 0
  const clock = virtualClock()
  const after: typeof clock.after = (ms, callback) => {
    timers += 1
    return clock.after(ms, callback)
  }
  const slots = createSlots({ ...clock, after }, 2, 100)
  void slots(forever)
  await slots(async () => {})
  await slots(async () => {})
  expect(timers).toBe(0)
})

test('result and failure are the work’s own', async () => {
  const slots = createSlots(virtualClock(), 1, 100)
  expect(await slots(async () => 7)).toBe(7)
  await expect(slots(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
})
