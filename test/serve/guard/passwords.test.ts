import { hashSync } from 'bcryptjs'
import { expect, test } from 'vitest'
import { createCheckPassword } from '../../../src/serve/guard/passwords.ts'

/** In milliseconds of this thread. */
async function costOf(user: string, hashes: Readonly<Record<string, string>>): Promise<number> {
  const before = process.threadCpuUsage().user
  for (let n = 0; n < 5; n += 1) expect(await createCheckPassword()(user, 'wrong', hashes)).toBe(false)
  return process.threadCpuUsage().user - before
}

test.each([6, 8])(
  'an unknown user costs as much as a known one, whose hash has the cost %i',
  async (rounds) => {
    const hashes = { alice: hashSync('right', rounds) }
    await costOf('alice', hashes)
    const ratio = (await costOf('bob', hashes)) / (await costOf('alice', hashes))
    expect(ratio).toBeGreaterThan(0.6)
    expect(ratio).toBeLessThan(1.7)
  },
)

test('nobody is let in by the password of nobody', async () => {
  const check = createCheckPassword()
  const users = { alice: hashSync('right', 4) }
  expect(await check('alice', 'right', users)).toBe(true)
  expect(await check('bob', 'right', users)).toBe(false)
  expect(await check('__proto__', 'right', users)).toBe(false)
  expect(await check('alice', 'right', {})).toBe(false)
})

test('where very many are wrong at once, the rest is turned away, and what was right is right at once', async () => {
  const check = createCheckPassword()
  const users = { alice: hashSync('right', 8) }
  await check('alice', 'right', users)
  const wrong = Array.from({ length: 200 }, (_, n) => check('alice', `wrong ${n}`, users))
  const first = Promise.race([check('alice', 'right', users), ...wrong.slice(0, 10)])
  expect(await first).toBe(true)
  const outcomes = await Promise.allSettled(wrong)
  const refused = outcomes.filter(({ status }) => status === 'rejected')
  expect(refused.length).toBeGreaterThan(100)
  expect(refused[0]).toMatchObject({ reason: { code: 'overloaded' } })
})
