import { describe, expect, test } from 'vitest'
import { createJudge } from '../lab/chaos/judge.ts'
import { randomOf } from '../lab/chaos/random.ts'

const slots = new Map([
  ['aaa', '1'],
  ['bbb', '2'],
  ['ccc', '1'],
])
const at = (requestedAt: number) => ({
  requestedAt,
  answered: requestedAt + 0.2,
  staleAfterMs: 10,
  slotOf: (host: string) => slots.get(host),
  runs: (host: string) => host !== 'bbb',
})
/** `1 aaa 1000`: slot 1 shows what aaa said at second 1000. */
function page(...said: readonly string[]): string {
  const parts = said.map((one) => one.split(' '))
  return [
    ...parts.map(([slot, , second]) => `app_seconds_total{slot="${slot}"} ${second}\n`),
    ...parts.map(([slot, host]) => `app_info{slot="${slot}",host="${host}"} 1\n`),
  ].join('')
}
const answer = (text: string, age?: number, status = 200) => ({
  status,
  text,
  headers: new Headers(age === undefined ? {} : { age: `${age}` }),
  durationMs: 200,
})

describe('the judge of what a cluster with faults answers', () => {
  test.each<[string, ReturnType<typeof answer>, readonly string[]]>([
    ['of now', answer(page('1 aaa 1000', '2 bbb 1000')), []],
    ['that says its age', answer(page('1 aaa 992'), 8), []],
    ['old', answer(page('1 aaa 995')), ['slot 1 is 5.0 s old and doesn’t say so']],
    ['too old to stand in', answer(page('1 aaa 987'), 13), ['slot 1 is 13.0 s old']],
    ['of the future', answer(page('1 aaa 1005')), ['slot 1 is of the future']],
    ['of another slot', answer(page('2 aaa 1000')), ['slot 2 shows aaa, which is 1']],
    ['of nobody', answer(page('1 ddd 1000')), ['slot 1 shows ddd, which is unknown']],
    ['doubled', answer(page('1 aaa 1000', '1 ccc 1000')), ['a slot stands twice: 1 1']],
    ['an honest failure', answer('connection refused', undefined, 502), []],
    ['a dishonest one', answer('internal error\n', undefined, 500), ['status 500: internal error']],
  ])('%s', (_what, given, complaints) => {
    expect(createJudge()(given, at(1000))).toEqual(complaints)
  })

  test('counts ages from the question, however long an answer waits for the slowest replica', () => {
    const waited = { ...at(1000), answered: 1003 }
    expect(createJudge()(answer(page('1 aaa 988'), 10), waited)).toEqual([])
    expect(createJudge()(answer(page('1 aaa 998')), waited)).toEqual([])
  })

  test('notices what goes back', () => {
    const judge = createJudge()
    expect(judge(answer(page('1 aaa 1000')), at(1000))).toEqual([])
    expect(judge(answer(page('1 aaa 999')), at(1001))).toEqual(['slot 1 went back by 1 s'])
    expect(judge(answer(page('1 ccc 1002')), at(1002))).toEqual([])
    expect(judge(answer(page('1 aaa 1003')), at(1003))).toEqual(['slot 1 went back to aaa while ccc runs'])
  })
})

test('the same seed makes the same choices', () => {
  const choices = (seed: number) => {
    const random = randomOf(seed)
    return Array.from({ length: 20 }, () => random.whole(1, 6))
  }
  expect(choices(7)).toEqual(choices(7))
  expect(choices(7)).not.toEqual(choices(8))
  expect(new Set(choices(7))).toEqual(new Set([1, 2, 3, 4, 5, 6]))
})
