import { describe, expect, test } from 'vitest'
import type { Failure } from '../../src/errors.ts'
import { type Attempted, explain, type ProbeOutcome, retryDelayMs } from '../../src/probe/outcome.ts'

function attempted(port: number, outcome?: ProbeOutcome, reason?: string): Attempted {
  const failure: Failure = { code: 'invalid', reason: reason ?? '' }
  return {
    candidate: { url: `http://c:${port}/metrics`, host: 'c', port, source: 'scanned' },
    ...(outcome ? { outcome } : {}),
    ...(reason ? { failure } : {}),
  }
}

describe('the explanation', () => {
  test.each<[string, Attempted[], string]>([
    ['one closed', [attempted(80, 'closed')], 'port 80 is closed'],
    [
      'all closed',
      [attempted(80, 'closed'), attempted(8080, 'closed'), attempted(9100, 'closed')],
      'ports 80, 8080 and 9100 are closed',
    ],
    [
      'ports that answered come first',
      [
        attempted(80, 'closed'),
        attempted(8080, 'other', 'answered HTML, not metrics'),
        attempted(9100, 'silent', 'no answer within 10 s'),
      ],
      'port 8080 answered HTML, not metrics; port 9100: no answer within 10 s; port 80 is closed',
    ],
  ])('%s', (_, all, reason) => {
    expect(explain(all, false, 'do this')).toEqual({ code: 'no_metrics', reason, hint: 'do this' })
  })

  test('of the one port that was configured keeps its own code', () => {
    const all = [attempted(9, 'other', 'answered 503')]
    expect(explain(all, true, 'do this')).toEqual({
      code: 'invalid',
      reason: 'port 9 answered 503',
      hint: 'do this',
    })
  })
})

describe('the delay before the next attempt', () => {
  const minute = 60_000
  test.each<[Exclude<ProbeOutcome, 'metrics'>, number, number]>([
    ['closed', 0, 50],
    ['closed', 2000, 50],
    ['closed', 20_000, 500],
    ['closed', minute, 1500],
    ['closed', 10 * minute, 15_000],
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
  ])('%s, known for %d ms: %d ms', (outcome, ageMs, delayMs) => {
    expect(retryDelayMs(outcome, ageMs)).toBe(delayMs)
  })
})
