import { setImmediate as turn } from 'node:timers/promises'
import { hashSync } from 'bcryptjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createPasswords, networkOf, type Passwords } from '../../../src/web/auth/passwords.ts'

let passwords: Passwords
beforeEach(() => {
  passwords = createPasswords()
})
afterEach(() => passwords.stop())

const isHere = () => false
type Hashes = Readonly<Record<string, string>>
const verify = (user: string, password: string, hashes: Hashes, address = '10.0.0.1', isGone = isHere) =>
  passwords.verify({ user, password }, hashes, address, isGone)

/** Names in the order in which their promises settle. */
async function orderOf(all: Readonly<Record<string, Promise<unknown>>>): Promise<readonly string[]> {
  const order: string[] = []
  await Promise.allSettled(Object.entries(all).map(([name, one]) => one.finally(() => order.push(name))))
  return order
}

describe('a login', () => {
  const users = { alice: hashSync('right', 4) }

  test.each([
    ['alice', 'right', users, 'right'],
    ['alice', 'wrong', users, 'wrong'],
    ['alice', '', users, 'wrong'],
    ['bob', 'right', users, 'wrong'],
    ['__proto__', 'right', users, 'wrong'],
    ['', '', users, 'wrong'],
    ['alice', 'right', {}, 'wrong'],
  ])('%s with %s', async (user, password, hashes, outcome) => {
    expect(await verify(user, password, hashes)).toBe(outcome)
    expect(passwords.isVerified({ user, password }, hashes)).toBe(outcome === 'right')
  })

  test('a verified password is remembered for its user and its hash only', async () => {
    await verify('alice', 'right', users)
    expect(passwords.isVerified({ user: 'bob', password: 'right' }, { bob: users.alice })).toBe(false)
    expect(passwords.isVerified({ user: 'alice', password: 'right' }, { alice: hashSync('right', 4) })).toBe(
      false,
    )
    expect(passwords.isVerified({ user: 'alice', password: 'wrong' }, users)).toBe(false)
  })
})

describe('under many wrong logins at once', () => {
  const users = { alice: hashSync('right', 7) }

  test('most are refused, and a password that was right once is verified immediately', async () => {
    await verify('alice', 'right', users)
    const outcomes = await Promise.all(
      Array.from({ length: 300 }, (_, n) => verify(`user ${n}`, 'wrong', users, `10.0.0.${n % 100}`)),
    )
    expect(outcomes.filter((one) => one === 'busy').length).toBeGreaterThan(200)
    expect(passwords.isVerified({ user: 'alice', password: 'right' }, users)).toBe(true)
  })

  test('the first login from another network waits for at most one of them', async () => {
    const wrong = Array.from({ length: 40 }, (_, n) => verify('alice', `wrong ${n}`, users))
    const order = await orderOf({
      ...Object.fromEntries(wrong.slice(0, 10).map((one, n) => [`wrong ${n}`, one])),
      right: verify('alice', 'right', users, '10.0.0.2'),
    })
    expect(order.indexOf('right')).toBeLessThanOrEqual(2)
    await Promise.all(wrong)
  })

  test('many addresses do not keep a single one out of the queue', async () => {
    const wrong = Array.from({ length: 200 }, (_, n) =>
      verify('alice', `wrong ${n}`, users, `10.0.0.${n % 20}`),
    )
    expect(await verify('alice', 'right', users, '10.0.1.1')).toBe('right')
    await Promise.all(wrong)
  })

  test('many requests with the same password share one comparison', async () => {
    const same = await Promise.all(Array.from({ length: 200 }, () => verify('alice', 'right', users)))
    expect(new Set(same)).toEqual(new Set(['right']))
  })

  test('a client gets the result of a comparison for one that has disconnected meanwhile', async () => {
    const before = verify('alice', 'wrong', users)
    const gone = verify('alice', 'right', users, '10.0.0.1', () => true)
    const here = verify('alice', 'right', users, '10.0.0.2')
    expect(await Promise.all([before, gone, here])).toEqual(['wrong', 'right', 'right'])
  })

  test('nothing is compared for clients that have disconnected', async () => {
    const first = verify('alice', 'wrong', users)
    const gone = Array.from({ length: 10 }, (_, n) => verify('alice', `${n}`, users, '10.0.0.1', () => true))
    const last = verify('alice', 'also wrong', users)
    expect(await Promise.all([first, ...gone, last])).toEqual(['wrong', ...gone.map(() => 'busy'), 'wrong'])
  })
})

test('a comparison leaves the event loop free', async () => {
  const slow = verify('alice', 'wrong', { alice: hashSync('right', 10) })
  let turns = 0
  let isDone = false
  void slow.finally(() => {
    isDone = true
  })
  while (!isDone) {
    await turn()
    turns += 1
  }
  expect(turns).toBeGreaterThan(100)
})

test('a stop rejects all that wait', async () => {
  const users = { alice: hashSync('right', 11) }
  const waiting = Array.from({ length: 5 }, (_, n) => verify('alice', `${n}`, users))
  const outcomes = Promise.allSettled(waiting)
  await passwords.stop()
  for (const one of await outcomes)
    expect(one).toMatchObject({ status: 'rejected', reason: { code: 'stopping' } })
})

/** Of five wrong passwords, by the thread that compares: its CPU time is the process’ less our own. */
async function costOf(user: string, hashes: Hashes): Promise<number> {
  const compared = () => process.cpuUsage().user - process.threadCpuUsage().user
  await verify(user, 'to start the thread', hashes)
  const before = compared()
  for (let n = 0; n < 5; n += 1) expect(await verify(user, `wrong ${n}`, hashes)).toBe('wrong')
  return compared() - before
}

test.each([8, 9])(
  'an unknown user costs as much as a known one, whose hash has the cost %i',
  async (rounds) => {
    const hashes = { alice: hashSync('right', rounds) }
    await costOf('alice', hashes)
    const ratio = (await costOf('bob', hashes)) / (await costOf('alice', hashes))
    expect(ratio).toBeGreaterThan(0.5)
    expect(ratio).toBeLessThan(2)
  },
)

test('an unknown user always has the cost of the same known user', async () => {
  const hashes = { alice: hashSync('right', 4), bob: hashSync('right', 10) }
  const slow = await costOf('bob', hashes)
  for (const user of ['carol', 'dave', 'erin']) {
    const isSlow = async () => (await costOf(user, hashes)) > slow / 4
    expect(await isSlow()).toBe(await isSlow())
  }
})

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['::1', '0:0:0:0'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['', ''],
])('%s is of the network %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
