import { expect, test } from 'vitest'
import { createContainerLog } from '../../src/agent/container-log.ts'
import { createLog, type Log } from '../../src/logging/log.ts'
import type { Entry } from '../../src/model.ts'
import { virtualClock } from '../helpers/clock.ts'
import { bare, ended, entry, target, task } from '../helpers/cluster.ts'
import { failed, read } from '../web/agent.ts'

function setUp() {
  const clock = virtualClock(0)
  const lines: string[] = []
  const write = (level: string) => (fields: object, message: string) =>
    lines.push([level, message, ...Object.entries(fields).map(([key, value]) => `${key}=${value}`)].join(' '))
  const log: Log = {
    ...createLog('silent'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
  const { changed: update } = createContainerLog({ clock, log, ownNodeId: () => 'node1' })
  return {
    clock,
    update,
    /** The lines logged meanwhile. */
    loggedWithin(ms: number): readonly string[] {
      lines.length = 0
      clock.passSync(ms)
      return [...lines]
    },
    /** The lines logged for this. */
    logged(one: Entry): readonly string[] {
      lines.length = 0
      update({ kind: 'entry', entry: one })
      return [...lines]
    },
  }
}

const web = target('web')
const well = entry(web, { snapshot: read('a 1\n') })
const refused = entry(web, { snapshot: failed('connection_refused', 'connection refused') })
const slow = entry(web, { snapshot: failed('timeout', 'too slow') })
const without = (code: 'no_metrics' | 'no_address' | 'disabled', reason: string) => ({
  ...bare(web),
  probeResult: { kind: 'not_found' as const, failure: { code, reason, hint: 'do this' } },
})

test('metrics found, failing and well again are a line each, whatever happens in between', () => {
  const { logged } = setUp()
  expect(logged(well)).toEqual([
    'info found metrics name=web id=web url=http://10.0.0.1/metrics source=scanned',
  ])
  expect(logged(entry(web, { snapshot: read('a 2\n') }))).toEqual([])
  expect(logged(refused)).toEqual(['warn metrics cannot be read name=web id=web reason=connection refused'])
  expect([...logged(slow), ...logged(refused)]).toEqual([])
  expect(logged(well)).toEqual(['info metrics are read again name=web id=web'])
})

test('a flapping container is summed up, and the last line is what it has come to', () => {
  const { logged, loggedWithin } = setUp()
  logged(well)
  expect([...logged(refused), ...logged(well), ...logged(refused)]).toHaveLength(3)
  expect([...logged(well), ...logged(refused), ...logged(well), ...logged(refused)]).toEqual([])
  expect(loggedWithin(61_000)).toEqual([
    'warn metrics cannot be read name=web id=web reason=connection refused changes=4',
  ])
  expect(logged(well)).toEqual([])
  expect(loggedWithin(61_000)).toEqual(['info metrics are read again name=web id=web'])
})

test('a replica that is started again and again is summed up, too, though each time it is another container', () => {
  const { logged, loggedWithin } = setUp()
  const run = (at: number) => {
    const container = task('web', '1', { id: `c${at}` })
    return [...logged(entry(container, { snapshot: read('a 1\n') })), ...logged(ended(container, 1))]
  }
  expect([...run(1), ...run(2)]).toHaveLength(4)
  expect([...run(3), ...run(4)]).toEqual([])
  expect(loggedWithin(61_000)).toEqual([
    expect.stringMatching(/^info container ended .*id=c4 exitCode=1 changes=4$/),
  ])
})

test('why there are no metrics is logged once, at the level that it deserves, with a hint', () => {
  const { logged } = setUp()
  expect(logged(without('no_metrics', 'ports are closed'))).toEqual([
    'info no metrics name=web id=web reason=ports are closed hint=do this',
  ])
  expect(logged(without('no_metrics', 'ports are closed'))).toEqual([])
  expect(logged(without('no_address', 'no network'))[0]).toMatch(/^warn no metrics/)
  expect(logged(without('disabled', 'by label'))[0]).toMatch(/^debug/)
  expect(logged(well)[0]).toMatch(/^info found metrics/)
})

test('the end of what had metrics is logged, and that it is back', () => {
  const { logged } = setUp()
  logged(well)
  expect(logged(ended(web, 137))).toEqual(['info container ended name=web id=web exitCode=137'])
  expect(logged(well)).toEqual(['info metrics are read again name=web id=web'])
})

test('containers of other nodes are not logged here', () => {
  const { logged } = setUp()
  expect(
    logged(entry(target('db', { node: 'node2' }), { snapshot: failed('connection_refused', 'no') })),
  ).toEqual([])
})

test('what is gone is forgotten', () => {
  const { update, logged } = setUp()
  logged(well)
  update({ kind: 'deleted', owner: 'node1', id: 'web' })
  expect(logged(well)[0]).toMatch(/^info found metrics/)
})
