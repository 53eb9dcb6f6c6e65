import { expect, test } from 'vitest'
import { createChangeLog } from '../../src/logging/change-log.ts'
import { virtualClock } from '../helpers/clock.ts'

function setUp() {
  const clock = virtualClock(0)
  const changes = createChangeLog(clock)
  const lines: string[] = []
  return {
    clock,
    ...changes,
    changed: (key: string, state: string) =>
      changes.changed(key, (fields) => lines.push([state, fields.changes].filter(Boolean).join(' '))),
    lines: () => lines.splice(0),
  }
}

test('changes are logged at once', () => {
  const { clock, changed, lines } = setUp()
  for (const state of ['down', 'up', 'down']) changed('a', state)
  clock.passSync(600_000)
  for (const state of ['up', 'down']) changed('a', state)
  expect(lines()).toEqual(['down', 'up', 'down', 'up', 'down'])
})

test('of what keeps changing, the last state is logged once it has held for a minute', () => {
  const { clock, changed, lines } = setUp()
  for (let at = 0; at < 20; at += 1) {
    changed('a', at % 2 ? 'up' : 'down')
    clock.passSync(1000)
  }
  expect(lines()).toHaveLength(4)
  clock.passSync(58_000)
  expect(lines()).toEqual([])
  clock.passSync(1000)
  expect(lines()).toEqual(['up 16'])
})

test('what never settles is logged every ten minutes', () => {
  const { clock, changed, lines } = setUp()
  for (let at = 0; at < 400; at += 1) {
    changed('a', at % 2 ? 'up' : 'down')
    clock.passSync(10_000)
  }
  const logged = lines()
  expect(logged.slice(0, 4)).toEqual(['down', 'up', 'down', 'up'])
  expect(logged.length).toBeGreaterThan(4 + 5)
  expect(logged.length).toBeLessThan(4 + 8)
  const summedUp = logged.slice(4).reduce((sum, line) => sum + Number(line.split(' ')[1]), 0)
  expect(4 + summedUp).toBeGreaterThan(330)
  clock.passSync(60_000)
  expect([...logged, ...lines()].at(-1)).toMatch(/^up \d+$/)
})

test('nothing is logged after it was stopped, and keys don’t affect each other', async () => {
  const { clock, changed, lines, stop } = setUp()
  for (const state of ['down', 'up', 'down', 'up', 'down']) changed('a', state)
  changed('b', 'down')
  expect(lines()).toEqual(['down', 'up', 'down', 'up', 'down'])
  await stop()
  clock.passSync(600_000)
  expect(lines()).toEqual([])
})

test('so many keys that they are no longer held are logged, too', () => {
  const { clock, changed, lines } = setUp()
  for (let at = 0; at < 10_001; at += 1) changed(`${at}`, 'up')
  expect(lines()).toHaveLength(10_001)
  clock.passSync(600_000)
  for (let at = 0; at < 5; at += 1) changed('late', 'up')
  expect(lines()).toHaveLength(4)
})
