import { expect, test } from 'vitest'
import { createTurns } from '../../src/scrape/turns.ts'
import { virtualClock } from '../helpers/clock.ts'

test('long work is done one piece after another, with as long a pause after each, also after what fails', async () => {
  const clock = virtualClock(0)
  const inTurn = createTurns(clock)
  const began: number[] = []
  const work = (ms: number, fails = false) =>
    inTurn(() => {
      began.push(clock.now())
      clock.passSync(ms)
      if (fails) throw new Error('fails')
      return ms
    })
  const results = Promise.allSettled([work(10), work(20, true), work(5)])
  await clock.pass(200)
  expect(began).toEqual([0, 20, 60])
  expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})
