import { describe, expect, test } from 'vitest'
import type { Failure } from '../../src/errors.ts'
import { type Entry, endpointId, type ProbeResult } from '../../src/model.ts'
import { stateOf, type TargetContext, targetOf, unixTime } from '../../src/status/target.ts'
import { entry, target, task } from '../helpers/cluster.ts'
import { failed, read } from '../web/agent.ts'

const context: TargetContext = { node: 'node1', isLost: false, services: new Map() }
const none = (code: Failure['code']): ProbeResult => ({
  kind: 'not_found',
  failure: { code, reason: 'because' },
})
const web = task('shop_web', '2')
const { endpoint: _, ...bare } = entry(web, { probeResult: { kind: 'searching' } })

describe('the state', () => {
  test.each<[string, Entry, boolean]>([
    ['up', entry(web, { snapshot: read('a 1\n') }), false],
    ['down', entry(web, { snapshot: failed('connection_refused', 'refused') }), false],
    ['down', entry(web, { probeResult: none('connection_refused') }), false],
    ['lost', entry(web, { snapshot: read('a 1\n') }), true],
    ['searching', bare, false],
    ['searching', entry(web), false],
    ['unscraped', { ...bare, probeResult: none('no_metrics') }, false],
    ['off', entry(web, { probeResult: none('disabled'), snapshot: read('a 1\n') }), false],
    ['ended', entry(web, { ended: { at: 0, removed: true } }), true],
  ])('is %s', (state, entry, isLost) => {
    expect(stateOf(entry, isLost)).toBe(state)
  })
})

test('a target that is not up has a reason and a hint', () => {
  const failure: Failure = {
    code: 'no_address',
    reason: 'on no shared network',
    hint: 'attach it to monitor',
  }
  expect(targetOf({ ...bare, probeResult: { kind: 'not_found', failure } }, context).failure).toEqual(failure)
  expect(targetOf(entry(web), { ...context, isLost: true }).failure).toMatchObject({
    code: 'owner_lost',
  })
  expect(targetOf(entry(web, { snapshot: failed('timeout', 'too slow') }), context).failure).toEqual({
    code: 'timeout',
    reason: 'too slow',
  })
  const ended = { at: 500, exitCode: 137, removed: false }
  expect(targetOf(entry(web, { ended }), context)).toMatchObject({
    failure: { code: 'stopped', reason: 'the container has stopped with exit code 137' },
    ended: { time: unixTime(500), exitCode: 137, removed: false },
  })
})

test('the times and durations of a scrape are in seconds', () => {
  const snapshot = { ...read('a 1\n'), at: 2000, durationMs: 12.3456 }
  const history = [
    { ok: true, durationMs: 12.3456 },
    { ok: false, durationMs: 1 },
  ]
  expect(targetOf(entry(web, { snapshot, history }), context)).toMatchObject({
    scraped: unixTime(2000),
    duration: 0.0123,
    series: 1,
    bytes: 4,
    history: [0.0123, null],
  })
})

test('a second endpoint has its own name, and only the first shows what is about the container', () => {
  const labels = { 'app-metrics-proxy.port.2': '9113', 'app-metrics-proxy.port.3': 'none' }
  const id = 'c1'
  const [first, second] = [1, 2].map((number) =>
    targetOf(entry(task('shop_web', '2', { labels, id: endpointId(id, number) })), context),
  )
  expect(first).toMatchObject({ path: '/shop_web/2/metrics', remarks: [expect.stringContaining('port.3')] })
  expect(first).not.toHaveProperty('endpointNumber')
  expect(second).toMatchObject({
    ...{
      endpointNumber: 2,
      instance: 'shop_web.2:9113',
      path: '/shop_web/2/metrics?endpoint=2',
      remarks: [],
    },
  })
})

test('invalid labels are remarks', () => {
  const labels = { 'app-metrics-proxy.port': 'none' }
  const status = targetOf(entry(task('shop_web', '2', { labels })), context)
  expect(status.remarks).toEqual([expect.stringContaining('app-metrics-proxy.port')])
})

describe('the path', () => {
  const pathOf = (of: Entry, node = 'node1') => targetOf(of, { ...context, node }).path
  test.each([
    ['/shop_web/2/metrics', pathOf(entry(web))],
    ['/monitor_node/node1/metrics', pathOf(entry(task('monitor_node', '')))],
    ['/cron/node1/metrics', pathOf(entry(target('cron')))],
    ['/cron/n1id/metrics', pathOf(entry(target('cron')), 'n1id')],
    ['/a%3Fb%23%3Cc/node1/metrics', pathOf(entry(target('a?b#<c')))],
  ])('is %s', (path, made) => {
    expect(made).toBe(path)
  })
})
