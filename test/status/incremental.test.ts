import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Entry, Labels, NodeView, SwarmState } from '../../src/model.ts'
import { createIncrementalStatus } from '../../src/status/incremental.ts'
import type { Status, TargetStatus } from '../../src/status/shape.ts'
import type { StatusView } from '../../src/status/status.ts'
import { virtualClock } from '../helpers/clock.ts'
import { entry, node, service, swarmState, task } from '../helpers/cluster.ts'
import { quietView } from '../helpers/status-view.ts'
import { failed, read } from '../web/agent.ts'

interface Cluster {
  entries: Entry[]
  nodes: NodeView[]
  swarmState?: SwarmState
}

function setUp(entries: Entry[]) {
  const clock = virtualClock(0)
  const cluster: Cluster = { entries, nodes: [node('node1', { link: 'self' }), node('node2')] }
  const view: StatusView = {
    ...quietView,
    self: () => cluster.nodes[0]!.self,
    entries: () => cluster.entries,
    entry: () => undefined,
    nodes: () => cluster.nodes,
    swarmState: () => cluster.swarmState && { value: cluster.swarmState, ageMs: 0, from: 'node1' },
  }
  const create = () => createIncrementalStatus(view, clock, (at) => at / 1000)
  const readStatus = create()
  const request = (since?: string): Status => JSON.parse(readStatus().toJson(since))
  const requestFromNewAgent = (): Status => JSON.parse(create()().toJson())
  return { cluster, clock, request, requestFromNewAgent }
}

const replica = (slot: string, on = 'node1') => entry(task('web', slot, { node: on }))
const replicas = ({ targets }: Status) => targets.map(({ replica }) => replica)

describe('the incremental status', () => {
  test('has everything first, then only what changed', () => {
    const { cluster, request } = setUp([replica('1'), replica('2')])
    const first = request()
    expect([first.partial, replicas(first)]).toEqual([false, ['1', '2']])
    expect(replicas(request(first.sequence))).toEqual([])

    cluster.entries[1] = { ...cluster.entries[1]!, snapshot: read('a 1\n') }
    const second = request(first.sequence)
    expect([second.partial, replicas(second)]).toEqual([true, ['2']])
    expect(second.targets[0]?.state).toBe('up')
    expect(replicas(request(second.sequence))).toEqual([])
    expect(second.sequence).not.toBe(first.sequence)
  })

  test('has a new sequence only when something changed, not as time passes', () => {
    const { cluster, clock, request } = setUp([replica('1')])
    const { sequence } = request()
    clock.passSync(5000)
    expect(request()).toMatchObject({ sequence, time: 5 })
    cluster.nodes[1] = { ...cluster.nodes[1]!, roundTripMs: 3 }
    expect(request().sequence).not.toBe(sequence)
  })

  test('ignores a new entry with the same content', () => {
    const { cluster, request } = setUp([replica('1')])
    const { sequence } = request()
    cluster.entries[0] = { ...cluster.entries[0]! }
    expect(request(sequence)).toMatchObject({ sequence, targets: [] })
  })

  test('has the changes of a target between two scrapes, and those of its service’s labels', () => {
    const { cluster, request } = setUp([replica('1'), replica('2')])
    const { sequence } = request()
    const [one] = cluster.entries
    cluster.entries[0] = { ...one!, target: { ...one!.target, image: 'image:2' } }
    expect(request(sequence).targets.map(({ image }) => image)).toEqual(['image:2'])

    const declared = (labels: Labels) => swarmState([service('web', { labels })])
    cluster.swarmState = declared({ 'app-metrics-proxy.port': 'eighty' })
    expect(request(sequence).targets[1]?.remarks).toEqual([expect.stringContaining('eighty')])
    cluster.swarmState = declared({})
    expect(request(sequence).targets[1]?.remarks).toEqual([])
  })

  test.each([Number.POSITIVE_INFINITY, Number.NaN, 1e308])(
    'is valid JSON if a scrape lasted %d ms',
    (durationMs) => {
      const { cluster, request } = setUp([replica('1'), replica('2')])
      const { sequence } = request()
      const snapshot = { ...failed('timeout', 'slow'), at: durationMs, durationMs }
      cluster.entries[0] = { ...cluster.entries[0]!, snapshot, history: [{ ok: true, durationMs }] }
      expect(request(sequence).targets).toMatchObject([{ replica: '1', state: 'down' }])
    },
  )

  test('lists what disappeared, until it is back', () => {
    const { cluster, request } = setUp([replica('1'), replica('2')])
    const first = request()
    const [one, two] = cluster.entries
    cluster.entries = [one!]
    const second = request(first.sequence)
    expect([replicas(second), second.deleted]).toEqual([[], [`node1/${two!.target.id}`]])
    cluster.entries = [one!, two!]
    const third = request(first.sequence)
    expect([replicas(third), third.deleted]).toEqual([['2'], []])
  })

  test('has all targets of a node whose link is lost', () => {
    const { cluster, request } = setUp([replica('1'), replica('2', 'node2'), replica('3', 'node2')])
    const { sequence } = request()
    cluster.nodes[1] = node('node2', { link: 'lost' })
    const after = request(sequence)
    expect(after.targets.map(({ replica, state }) => `${replica} ${state}`)).toEqual(['2 lost', '3 lost'])
  })

  test.each(['', 'nonsense', 'another.1', '.', '%00.-1'])('is complete for the sequence %j', (since) => {
    const { request } = setUp([replica('1')])
    expect(request(since)).toMatchObject({ partial: false, targets: [{ replica: '1' }] })
  })

  test('is complete for a sequence not reached yet', () => {
    const { request } = setUp([replica('1')])
    const [start] = request().sequence.split('.')
    expect(request(`${start}.99`).partial).toBe(false)
  })

  test('forgets the oldest of many removed targets: clients that last read before get everything', () => {
    const { cluster, request } = setUp(Array.from({ length: 12_000 }, (_, at) => replica(`${at}`)))
    const first = request()
    cluster.entries = cluster.entries.slice(6000)
    const second = request(first.sequence)
    expect([second.partial, second.deleted.length]).toEqual([true, 6000])
    cluster.entries = []
    expect(request(first.sequence)).toMatchObject({ partial: false, targets: [] })
    expect(request(second.sequence)).toMatchObject({ partial: true, deleted: { length: 6000 } })
  })

  test('adds up to what a new agent responds, whatever changes', () => {
    const slots = ['1', '2', '3']
    const on = (slot: string) => (slot === '3' ? 'node2' : 'node1')
    const slot = fc.constantFrom(...slots)
    const more = fc.constantFrom(
      ...[{}, { snapshot: read('a 1\n') }, { snapshot: failed('timeout', 'slow') }],
      { ended: { at: 5, exitCode: 1, removed: false } },
    )
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ put: slot, more }) },
      fc.record({ remove: slot }),
      fc.record({ link: fc.constantFrom<NodeView['link']>('up', 'lost') }),
      fc.record({ port: fc.constantFrom('eighty', '80') }),
      { weight: 3, arbitrary: fc.constant({ compare: true }) },
    )
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) => {
        const { cluster, request, requestFromNewAgent } = setUp([])
        const known = new Map<string, TargetStatus>()
        let sequence = ''
        const compare = () => {
          const { partial, targets, deleted, ...rest } = request(sequence)
          if (!partial) known.clear()
          for (const target of targets) known.set(target.key, target)
          for (const key of deleted) known.delete(key)
          sequence = rest.sequence
          const complete = new Map(requestFromNewAgent().targets.map((target) => [target.key, target]))
          expect(known).toEqual(complete)
        }
        for (const step of [...steps, { compare: true }])
          if ('put' in step || 'remove' in step) {
            const slot = 'put' in step ? step.put : step.remove
            const target = task('web', slot, { node: on(slot) })
            cluster.entries = cluster.entries.filter((one) => one.target.id !== target.id)
            if ('put' in step) cluster.entries.push(entry(target, step.more))
          } else if ('link' in step) cluster.nodes[1] = node('node2', { link: step.link })
          else if ('port' in step)
            cluster.swarmState = swarmState([
              service('web', { labels: { 'app-metrics-proxy.port': step.port } }),
            ])
          else compare()
      }),
      { numRuns: 300 },
    )
  })
})
