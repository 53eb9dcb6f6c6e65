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
  expect([slots.running, slots.waiting]).toEqual([2, 1])
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

test('result and failure are the work’s own', async () => {
  const slots = createSlots(virtualClock(), 1, 100)
  expect(await slots(async () => 7)).toBe(7)
  await expect(slots(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
})
