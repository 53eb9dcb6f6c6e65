import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createStartLimit } from '../../src/runtime/start-limit.ts'
import { virtualClock } from '../helpers/clock.ts'

const forever = () => new Promise<never>(() => {})

test('no more runs at once than the limit', async () => {
  const limit = createStartLimit(virtualClock(), 2, 1000)
  const first = Promise.withResolvers<void>()
  const started: number[] = []
  const all = [1, 2, 3].map((n) =>
    limit.run(() => {
      started.push(n)
      return n === 1 ? first.promise : forever()
    }),
  )
  await nextTurn()
  expect([started, limit.waiting()]).toEqual([[1, 2], 1])
  first.resolve()
  await all[0]
  await nextTurn()
  expect([started, limit.waiting()]).toEqual([[1, 2, 3], 0])
})

test('when all of it hangs, as many as the limit are begun each time, in the order in which they came', async () => {
  const clock = virtualClock()
  const limit = createStartLimit(clock, 2, 100)
  const start = clock.now()
  const started: string[] = []
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    void limit.run(() => {
      started.push(`${name} ${clock.now() - start}`)
      return forever()
    })
  await clock.pass(50)
  expect(started).toEqual(['a 0', 'b 0'])
  await clock.pass(250)
  expect(started).toEqual(['a 0', 'b 0', 'c 100', 'd 100', 'e 200'])
})

test('the end of work that had made room before makes none again', async () => {
  const clock = virtualClock()
  const limit = createStartLimit(clock, 1, 100)
  const late = Promise.withResolvers<void>()
  const lateDone = limit.run(() => late.promise)
  await clock.pass(100)
  const next = Promise.withResolvers<void>()
  const nextDone = limit.run(() => next.promise)
  await nextTurn()
  late.resolve()
  await lateDone
  void limit.run(forever)
  await nextTurn()
  expect(limit.waiting()).toBe(1)
  next.resolve()
  await nextDone
  await nextTurn()
  expect(limit.waiting()).toBe(0)
})

test('result and failure are the work’s own, and leave no timer', async () => {
  let timers = 0
  const clock = virtualClock()
  const after: typeof clock.after = (ms, callback) => {
    timers += 1
    const cancel = clock.after(ms, callback)
    return () => {
      timers -= 1
      cancel()
    }
  }
  const limit = createStartLimit({ ...clock, after }, 1, 100)
  expect(await limit.run(async () => 7)).toBe(7)
  await expect(limit.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  await nextTurn()
  expect(timers).toBe(0)
})
