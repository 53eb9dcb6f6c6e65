import { expect, test } from 'vitest'
import { createGathering } from '../../src/sync/gathering.ts'
import { virtualClock } from '../helpers/clock.ts'

function started() {
  const clock = virtualClock(0)
  const told: number[] = []
  return { clock, told, gathering: createGathering(clock, () => told.push(clock.now())) }
}

test('what comes together is told once, in a moment', async () => {
  const { clock, told, gathering } = started()
  gathering.begin()
  await clock.pass(10)
  gathering.begin()
  await clock.pass(100)
  gathering.begin()
  await clock.pass(100)
  expect(told).toEqual([20, 130])
})

test('what is hastened is told at once, and not once more', async () => {
  const { clock, told, gathering } = started()
  await clock.pass(5)
  gathering.begin()
  gathering.hasten()
  await clock.pass(100)
  expect(told).toEqual([5])
})

test('to hasten where nothing is to be told tells nothing', async () => {
  const { clock, told, gathering } = started()
  gathering.hasten()
  await clock.pass(100)
  expect(told).toEqual([])
})

test('however often it is hastened, it is told no more often than without', async () => {
  const { clock, told, gathering } = started()
  for (let n = 0; n < 100; n += 1) {
    gathering.begin()
    gathering.hasten()
    await clock.pass(2)
  }
  expect(told.length).toBeLessThanOrEqual(11)
  const pauses = told.slice(1).map((at, n) => at - told[n]!)
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(20)
  expect(Math.max(...pauses)).toBeLessThanOrEqual(22)
})

test('nothing is told once it has stopped', async () => {
  const { clock, told, gathering } = started()
  gathering.begin()
  gathering.stop()
  gathering.hasten()
  await clock.pass(100)
  expect(told).toEqual([])
})
