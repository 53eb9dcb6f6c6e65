import { expect, test } from 'vitest'
import { createJournal } from '../../src/agent/journal.ts'
import { createLog, type Log } from '../../src/logging/log.ts'
import type { Entry } from '../../src/model.ts'
import { virtualClock } from '../helpers/clock.ts'
import { bare, ended, entry, target } from '../helpers/cluster.ts'
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
  const journal = createJournal({ clock, log, own: () => 'node1' })
  return {
    clock,
    journal,
    /** What is said after this. */
    told(one: Entry): readonly string[] {
      lines.length = 0
      journal({ kind: 'entry', entry: one })
      return [...lines]
    },
  }
}

const web = target('web')
const well = entry(web, { snapshot: read('a 1\n') })
const refused = entry(web, { snapshot: failed('refused', 'connection refused') })
const slow = entry(web, { snapshot: failed('timeout', 'too slow') })
const without = (code: 'no_metrics' | 'no_address' | 'disabled', reason: string) => ({
  ...bare(web),
  finding: { kind: 'none' as const, trouble: { code, reason, hint: 'do this' } },
})

test('metrics found, failing and well again are a line each, whatever happens in between', () => {
  const { told } = setUp()
  expect(told(well)).toEqual(['info found metrics name=web id=web url=http://10.0.0.1/metrics why=scanned'])
  expect(told(entry(web, { snapshot: read('a 2\n') }))).toEqual([])
  expect(told(refused)).toEqual(['warn metrics cannot be read name=web id=web reason=connection refused'])
  expect([...told(slow), ...told(refused)]).toEqual([])
  expect(told(well)).toEqual(['info metrics are read again name=web id=web'])
})

test('one that goes up and down is told of once in a while, with how often it did', () => {
  const { clock, told } = setUp()
  told(well)
  expect([...told(refused), ...told(well)]).toHaveLength(2)
  for (let time = 0; time < 20; time += 1) {
    clock.passSync(20_000)
    expect([...told(refused), ...told(well)]).toEqual([])
  }
  clock.passSync(300_000)
  expect(told(refused)).toEqual([
    'warn metrics cannot be read name=web id=web reason=connection refused failedSince=20',
  ])
  expect(told(well)).toEqual(['info metrics are read again name=web id=web'])
})

test('why there are no metrics is told once, as gravely as it deserves, with what to do', () => {
  const { told } = setUp()
  expect(told(without('no_metrics', 'ports are closed'))).toEqual([
    'info no metrics name=web id=web reason=ports are closed hint=do this',
  ])
  expect(told(without('no_metrics', 'ports are closed'))).toEqual([])
  expect(told(without('no_address', 'no network'))[0]).toMatch(/^warn no metrics/)
  expect(told(without('disabled', 'by label'))[0]).toMatch(/^debug/)
  expect(told(well)[0]).toMatch(/^info found metrics/)
})

test('the end of what had metrics is told, and that it is back', () => {
  const { told } = setUp()
  told(well)
  expect(told(ended(web, 137))).toEqual(['info container ended name=web id=web exitCode=137'])
  expect(told(well)).toEqual(['info metrics are read again name=web id=web'])
})

test('what is another node’s is its agent’s to tell', () => {
  const { told } = setUp()
  expect(told(entry(target('db', { node: 'node2' }), { snapshot: failed('refused', 'no') }))).toEqual([])
})

test('what is gone is forgotten', () => {
  const { journal, told } = setUp()
  told(well)
  journal({ kind: 'gone', owner: 'node1', id: 'web' })
  expect(told(well)[0]).toMatch(/^info found metrics/)
})
