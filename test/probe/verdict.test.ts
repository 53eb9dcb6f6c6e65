import { describe, expect, test } from 'vitest'
import type { Trouble } from '../../src/errors.ts'
import { leastPause, type Outcome, pauseAfter } from '../../src/probe/backoff.ts'
import { explain, type Look, verdictOf } from '../../src/probe/verdict.ts'

function look(port: number, outcome?: Outcome, reason?: string): Look {
  const trouble: Trouble = { code: 'invalid', reason: reason ?? '' }
  return {
    candidate: { url: `http://c:${port}/metrics`, host: 'c', port, why: 'scanned' },
    underWay: outcome === undefined,
    ...(outcome ? { outcome } : {}),
    ...(reason ? { trouble } : {}),
  }
}

describe('the verdict', () => {
  test.each<[string, Look[], object]>([
    [
      'first in order wins',
      [look(1, 'closed'), look(2, 'metrics'), look(3, 'metrics')],
      { kind: 'found', sure: true, candidate: { port: 2 } },
    ],
    [
      'not for sure while an earlier one is open',
      [look(1), look(2, 'metrics')],
      { kind: 'found', sure: false },
    ],
    ['a later one that is open doesn’t matter', [look(1, 'metrics'), look(2)], { kind: 'found', sure: true }],
    ['none, once all were in vain', [look(1, 'closed'), look(2, 'silent')], { kind: 'none' }],
    ['open until then', [look(1, 'closed'), look(2)], { kind: 'open' }],
  ])('%s', (_, looks, expected) => {
    expect(verdictOf(looks)).toMatchObject(expected)
  })
})

describe('the explanation', () => {
  test.each<[string, Look[], string]>([
    ['one closed', [look(80, 'closed')], 'port 80 is closed'],
    [
      'all closed',
      [look(80, 'closed'), look(8080, 'closed'), look(9100, 'closed')],
      'ports 80, 8080 and 9100 are closed',
    ],
    [
      'what answered comes first',
      [
        look(80, 'closed'),
        look(8080, 'other', 'answered HTML, not metrics'),
        look(9100, 'silent', 'no answer within 10 s'),
      ],
      'port 8080 answered HTML, not metrics; port 9100: no answer within 10 s; port 80 is closed',
    ],
  ])('%s', (_, looks, reason) => {
    expect(explain(looks, false, 'do this')).toEqual({ code: 'no_metrics', reason, hint: 'do this' })
  })

  test('of the one port that a person named keeps its own code', () => {
    const looks = [look(9, 'other', 'answered 503')]
    expect(explain(looks, true, 'do this')).toEqual({
      code: 'invalid',
      reason: 'port 9 answered 503',
      hint: 'do this',
    })
  })
})

describe('the pause before the next look', () => {
  const minute = 60_000
  test.each<[Exclude<Outcome, 'metrics'>, number, number]>([
    ['closed', 0, 50],
    ['closed', 2000, 200],
    ['closed', 20_000, 500],
    ['closed', minute, 1000],
    ['closed', 10 * minute, 10_000],
    ['closed', 1000 * minute, minute],
    ['dropped', 0, 2000],
    ['other', 0, 1000],
    ['other', minute, 10_000],
    ['other', 1000 * minute, minute],
    ['silent', 0, 5000],
    ['silent', minute, 15_000],
    ['silent', 1000 * minute, 10 * minute],
    ['foreign', 0, minute],
    ['foreign', 10 * minute, 10 * minute],
    ['foreign', 1000 * minute, 60 * minute],
  ])('%s, known for %d ms: %d ms', (outcome, age, pause) => {
    expect(pauseAfter(outcome, age)).toBe(pause)
  })

  test('grows with how many ports are searched', () => {
    expect([leastPause(0), leastPause(500), leastPause(10_000)]).toEqual([0, 500, 10_000])
  })
})
