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
  const revoked: string[] = []
  /** Its `state` is the outcome so far. */
  function request(bytes: number, owner = 'a', timeoutMs = 5000) {
    const requested: { state: string; reservation?: Reservation } = { state: 'waiting' }
    budget.reserve({ owner, bytes, timeoutMs, revoke: () => void revoked.push(owner) }).then(
      (reservation) => Object.assign(requested, { state: 'granted', reservation }),
      (error: ProxyError) => Object.assign(requested, { state: `${error.code}: ${error.message}` }),
    )
    return requested
  }
  return { clock, budget, revoked, request }
}

test('bytes that are free are granted at once, others once they are released', async () => {
  const { clock, budget, request } = setUp()
  const [first, second, third] = [request(2400, 'a'), request(2400, 'b'), request(2400, 'c')]
  await clock.pass(1)
  expect([first.state, second.state, third.state]).toEqual(['granted', 'granted', 'waiting'])
  expect(budget.reservedBytes()).toBe(4800)
  first.reservation!.release()
  first.reservation!.release()
  await clock.pass(1)
  expect([third.state, budget.reservedBytes()]).toEqual(['granted', 4800])
})

test('a request is refused after its timeout, and at once if it exceeds the budget', async () => {
  const { clock, request } = setUp()
  request(4800, 'a')
  const late = request(2400, 'b', 900)
  const huge = request(4801, 'c')
  await clock.pass(901)
  expect(late.state).toMatch(/^overloaded: no memory was free within 900 ms/)
  expect(huge.state).toMatch(/^overloaded: needs 1 MiB/)
})

test('small requests never wait for large ones', async () => {
  const { clock, request } = setUp()
  request(4800, 'a')
  const [large, ...smalls] = [request(2000, 'b'), ...Array.from({ length: 16 }, () => request(small, 'c'))]
  await clock.pass(1)
  expect(large!.state).toBe('waiting')
  expect(new Set(smalls.map(({ state }) => state))).toEqual(new Set(['granted']))
})

test('within a size class none overtakes another, unless that waits for its own owner', async () => {
  const { clock, request } = setUp()
  const first = request(3000, 'a')
  const [more, large, little] = [request(400, 'a'), request(3000, 'b'), request(500, 'c')]
  await clock.pass(1)
  expect([more.state, large.state, little.state]).toEqual(['waiting', 'waiting', 'waiting'])
  first.reservation!.release()
  await clock.pass(1)
  expect([more.state, large.state, little.state]).toEqual(['granted', 'granted', 'granted'])
})

test('one owner gets at most half, unless a single reservation is larger', async () => {
  const { clock, request } = setUp()
  const large = request(4000, 'a')
  await clock.pass(1)
  expect(large.state).toBe('granted')
  large.reservation!.release()
  const requested = [request(1600, 'a'), request(1600, 'a'), request(1600, 'a'), request(1600, 'b')]
  await clock.pass(1)
  expect(requested.map(({ state }) => state)).toEqual(['granted', 'granted', 'waiting', 'granted'])
})

test('the oldest grant is revoked for a request that has waited for a turn', async () => {
  const { clock, revoked, request } = setUp()
  request(2400, 'first')
  await clock.pass(10)
  request(2400, 'second')
  await clock.pass(10)
  request(2400, 'third')
  await clock.pass(900)
  expect(revoked).toEqual([])
  await clock.pass(400)
  expect(revoked).toEqual(['first'])
})

test('a reservation is extended only by what is free', async () => {
  const { clock, budget, request } = setUp()
  const [one, other] = [request(small, 'a'), request(2000, 'b')]
  await clock.pass(1)
  expect(one.reservation!.extend(2700)).toBe(true)
  expect(one.reservation!.extend(1)).toBe(false)
  other.reservation!.release()
  expect(one.reservation!.extend(1)).toBe(true)
  one.reservation!.release()
  expect([budget.reservedBytes(), one.reservation!.extend(1)]).toEqual([0, false])
})

test('the number of waiting requests is bounded', async () => {
  const { clock, request } = setUp()
  request(4800, 'a')
  const requested = Array.from({ length: 2001 }, () => request(2000, 'b', 1))
  await clock.pass(0)
  expect(requested.at(-1)!.state).toBe('overloaded: too many wait for memory')
  await clock.pass(5)
  expect(requested[0]!.state).toMatch(/^overloaded/)
})

test('with more work than memory, none is refused each time', async () => {
  const clock = virtualClock()
  const budget = createByteBudget(clock, 1000)
  const done = new Map<string, number>()
  const owners = ['a', 'b', 'c', 'd', 'e']
  /** Always in the same order, as scrapes that are due together. Each takes so long that two are done in time. */
  async function work(owner: string): Promise<void> {
    const reservation = await budget.reserve({ owner, bytes: 600, timeoutMs: 900, revoke: () => {} })
    await clock.sleep(500)
    done.set(owner, (done.get(owner) ?? 0) + 1)
    reservation.release()
  }
  for (let round = 0; round < 10; round += 1) {
    for (const owner of owners) work(owner).catch(() => {})
    await clock.pass(2000)
  }
  expect([...done.values()].reduce((sum, times) => sum + times, 0)).toBe(20)
  expect(owners.map((owner) => (done.get(owner) ?? 0) >= 2)).toEqual(owners.map(() => true))
})
