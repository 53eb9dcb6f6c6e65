import { expect, test } from 'vitest'
import type { Entry } from '../../src/model.ts'
import { createOutcomes } from '../../src/status/outcomes.ts'
import { targetOf, unixTime } from '../../src/status/target.ts'
import { virtualClock } from '../helpers/clock.ts'
import { ended, entry, target } from '../helpers/cluster.ts'
import { failed, read } from '../web/agent.ts'

const web = target('web')
const up = (at: number) => entry(web, { snapshot: { ...read('a 1\n'), at } })
const down = (at: number, reason = 'refused') =>
  entry(web, { snapshot: { ...failed('connection_refused', reason), at } })
const context = { node: 'node1', isLost: false, services: new Map() }

function setUp() {
  const clock = virtualClock(0)
  const outcomes = createOutcomes(clock)
  return {
    clock,
    outcomes,
    after(...entries: Entry[]) {
      for (const one of entries) outcomes.changed({ kind: 'entry', entry: one })
      return outcomes.of(up(0))
    },
  }
}

test('a target is down since the first of the present failures', () => {
  const { after } = setUp()
  const lastError = { at: 40, reason: 'timeout' }
  expect(after(up(10), down(20), up(25), down(30), down(40, 'timeout'))).toEqual({
    downSince: 30,
    lastSuccessAt: 25,
    lastError,
  })
  expect(after(up(50))).toEqual({ lastSuccessAt: 50, lastError })
})

test('of one that was down before this agent started no success is known', () => {
  expect(setUp().after(down(20))).toEqual({ downSince: 20, lastError: { at: 20, reason: 'refused' } })
})

test('one whose endpoint is no longer found is down from then on', () => {
  const { clock, after } = setUp()
  const failure = { code: 'no_metrics' as const, reason: 'ports are closed' }
  after(up(10))
  clock.passSync(70)
  expect(after({ ...up(10), probeResult: { kind: 'not_found', failure } })).toEqual({
    downSince: 70,
    lastSuccessAt: 10,
    lastError: { at: 70, reason: 'ports are closed' },
  })
})

test('one that ended is not down, and one that is gone is forgotten', () => {
  const { outcomes, after } = setUp()
  expect(after(up(10), down(20), ended(web, 1))).toEqual({
    lastSuccessAt: 10,
    lastError: { at: 20, reason: 'refused' },
  })
  outcomes.changed({ kind: 'deleted', owner: 'node1', id: 'web' })
  expect(outcomes.of(up(0))).toEqual({})
})

test('the status has them in seconds', () => {
  const { after } = setUp()
  expect(targetOf(down(20), context, after(up(10), down(20)))).toMatchObject({
    downSince: unixTime(20),
    lastSuccess: unixTime(10),
    lastError: { time: unixTime(20), reason: 'refused' },
  })
})
