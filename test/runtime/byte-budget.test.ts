import { expect, test } from 'vitest'
import type { ProxyError } from '../../src/errors.ts'
import { createByteBudget, type Reservation } from '../../src/runtime/byte-budget.ts'
import { virtualClock } from '../helpers/clock.ts'

const maxBytes = 6400
/** 100 is small, what is larger is large. */
const small = 100

function setUp() {
  const clock = virtualClock()
  const budget = createByteBudget(clock, maxBytes)
  const cut: string[] = []
  /** Says in `state` what became of it. */
  function ask(bytes: number, owner = 'a', timeoutMs = 5000) {
    const asked: { state: string; reservation?: Reservation } = { state: 'waiting' }
    budget.reserve({ owner, bytes, timeoutMs, giveUp: () => void cut.push(owner) }).then(
      (reservation) => Object.assign(asked, { state: 'held', reservation }),
      (error: ProxyError) => Object.assign(asked, { state: `${error.code}: ${error.message}` }),
    )
    return asked
  }
  return { clock, budget, cut, ask }
}

test('bytes that are free are given at once, others once they are given back', async () => {
  const { clock, budget, ask } = setUp()
  const [first, second, third] = [ask(2400, 'a'), ask(2400, 'b'), ask(2400, 'c')]
  await clock.pass(1)
  expect([first.state, second.state, third.state]).toEqual(['held', 'held', 'waiting'])
  expect(budget.heldBytes()).toBe(4800)
  first.reservation!.release()
  first.reservation!.release()
  await clock.pass(1)
  expect([third.state, budget.heldBytes()]).toEqual(['held', 4800])
})

test('who waits is refused when the time is up, and who asks for more than there is at once', async () => {
  const { clock, ask } = setUp()
  ask(4800, 'a')
  const late = ask(2400, 'b', 900)
  const huge = ask(4801, 'c')
  await clock.pass(901)
  expect(late.state).toMatch(/^overloaded: no memory was free within 900 ms/)
  expect(huge.state).toMatch(/^overloaded: needs 1 MiB/)
})

test('small ones never wait for large ones', async () => {
  const { clock, ask } = setUp()
  ask(4800, 'a')
  const [large, ...smalls] = [ask(2000, 'b'), ...Array.from({ length: 16 }, () => ask(small, 'c'))]
  await clock.pass(1)
  expect(large!.state).toBe('waiting')
  expect(new Set(smalls.map(({ state }) => state))).toEqual(new Set(['held']))
})

test('of one kind none passes another, but one that its own owner keeps waiting', async () => {
  const { clock, ask } = setUp()
  const held = ask(3000, 'a')
  const [more, large, little] = [ask(400, 'a'), ask(3000, 'b'), ask(500, 'c')]
  await clock.pass(1)
  expect([more.state, large.state, little.state]).toEqual(['waiting', 'waiting', 'waiting'])
  held.reservation!.release()
  await clock.pass(1)
  expect([more.state, large.state, little.state]).toEqual(['held', 'held', 'held'])
})

test('one owner holds at most half, but for a single reservation that is larger', async () => {
  const { clock, ask } = setUp()
  const whole = ask(4000, 'a')
  await clock.pass(1)
  expect(whole.state).toBe('held')
  whole.reservation!.release()
  const asked = [ask(1600, 'a'), ask(1600, 'a'), ask(1600, 'a'), ask(1600, 'b')]
  await clock.pass(1)
  expect(asked.map(({ state }) => state)).toEqual(['held', 'held', 'waiting', 'held'])
})

test('who has held bytes for the longest gives way to who has waited for a turn', async () => {
  const { clock, cut, ask } = setUp()
  ask(2400, 'first')
  await clock.pass(10)
  ask(2400, 'second')
  await clock.pass(10)
  ask(2400, 'third')
  await clock.pass(900)
  expect(cut).toEqual([])
  await clock.pass(400)
  expect(cut).toEqual(['first'])
})

test('a reservation is extended only by what is free', async () => {
  const { clock, budget, ask } = setUp()
  const [one, other] = [ask(small, 'a'), ask(2000, 'b')]
  await clock.pass(1)
  expect(one.reservation!.extend(2700)).toBe(true)
  expect(one.reservation!.extend(1)).toBe(false)
  other.reservation!.release()
  expect(one.reservation!.extend(1)).toBe(true)
  one.reservation!.release()
  expect([budget.heldBytes(), one.reservation!.extend(1)]).toEqual([0, false])
})

test('not everybody may wait', async () => {
  const { clock, ask } = setUp()
  ask(4800, 'a')
  const asked = Array.from({ length: 2001 }, () => ask(2000, 'b', 1))
  await clock.pass(0)
  expect(asked.at(-1)!.state).toBe('overloaded: too many wait for memory')
  await clock.pass(5)
  expect(asked[0]!.state).toMatch(/^overloaded/)
})
