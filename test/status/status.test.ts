import { expect, test } from 'vitest'
import type { Entry, Labels, NodeView, SwarmState } from '../../src/model.ts'
import type { Status } from '../../src/status/shape.ts'
import { statusOf } from '../../src/status/status.ts'
import { unixTime } from '../../src/status/target.ts'
import { entry, node, service, swarmState, task } from '../helpers/cluster.ts'
import { quietView } from '../helpers/status-view.ts'
import { failed } from '../web/agent.ts'

interface Cluster {
  readonly entries: readonly Entry[]
  readonly nodes?: readonly NodeView[]
  readonly swarmState?: SwarmState
}

const connected = [node('node1', { link: 'self' }), node('node2')]

/** As a client reads it. */
function read({ entries, nodes = connected, swarmState }: Cluster): Status {
  const view = {
    ...quietView,
    self: () => nodes[0]!.self,
    entries: () => entries,
    entry: () => undefined,
    nodes: () => nodes,
    swarmState: () => swarmState && { value: swarmState, ageMs: 0, from: 'node1' },
  }
  return JSON.parse(JSON.stringify(statusOf(view, 5000)))
}

const replica = (slot: string, on = 'node1') => entry(task('web', slot, { node: on }))

test('has its time, and all targets', () => {
  const { time, targets } = read({ entries: [replica('1'), replica('2')] })
  expect([time, ...targets.map(({ replica }) => replica)]).toEqual([unixTime(5000), '1', '2'])
})

test('a service’s labels count for its targets', () => {
  const remarks = (labels: Labels) =>
    read({ entries: [replica('1')], swarmState: swarmState([service('web', { labels })]) }).targets[0]
      ?.remarks
  expect(remarks({ 'app-metrics-proxy.port': 'eighty' })).toEqual([expect.stringContaining('eighty')])
  expect(remarks({})).toEqual([])
})

test.each([Number.POSITIVE_INFINITY, Number.NaN, 1e308])(
  'is valid JSON if a scrape lasted %d ms',
  (durationMs) => {
    const snapshot = { ...failed('timeout', 'slow'), at: durationMs, durationMs }
    const entries = [{ ...replica('1'), snapshot, history: [{ ok: true, durationMs }] }, replica('2')]
    expect(read({ entries }).targets).toMatchObject([{ replica: '1', state: 'down' }, { replica: '2' }])
  },
)

test('all targets of a node whose link is lost are lost', () => {
  const entries = [replica('1'), replica('2', 'node2'), replica('3', 'node2')]
  const { targets } = read({ entries, nodes: [connected[0]!, node('node2', { link: 'lost' })] })
  expect(targets.map(({ replica, state }) => `${replica} ${state}`)).toEqual([
    expect.stringMatching(/^1 (?!lost)/),
    '2 lost',
    '3 lost',
  ])
})
