import { expect, test } from 'vitest'
import { createBatch } from '../../src/sync/batch.ts'
import { virtualClock } from '../helpers/clock.ts'

function started() {
  const clock = virtualClock(0)
  const sent: number[] = []
  return { clock, sent, batch: createBatch(clock, () => sent.push(clock.now())) }
}

test('what is added within 20 ms is sent together', async () => {
  const { clock, sent, batch } = started()
  batch.add()
  await clock.pass(10)
  batch.add()
  await clock.pass(100)
  batch.add()
  await clock.pass(100)
  expect(sent).toEqual([20, 130])
})

test('what is flushed is sent at once, and only once', async () => {
  const { clock, sent, batch } = started()
  await clock.pass(5)
  batch.add()
  batch.flush()
  await clock.pass(100)
  expect(sent).toEqual([5])
})

test('flushing an empty batch sends nothing', async () => {
  const { clock, sent, batch } = started()
  batch.flush()
  await clock.pass(100)
  expect(sent).toEqual([])
})

test('however often it is flushed, it is sent no more often than without', async () => {
  const { clock, sent, batch } = started()
  for (let n = 0; n < 100; n += 1) {
    batch.add()
    batch.flush()
    await clock.pass(2)
  }
  expect(sent.length).toBeLessThanOrEqual(11)
  const pauses = sent.slice(1).map((at, n) => at - sent[n]!)
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(20)
  expect(Math.max(...pauses)).toBeLessThanOrEqual(22)
})

test('nothing is sent once it has stopped', async () => {
  const { clock, sent, batch } = started()
  batch.add()
  batch.stop()
  batch.flush()
  await clock.pass(100)
  expect(sent).toEqual([])
})
