import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Change, Entry, NodeView, SwarmState } from '../../src/model.ts'
import { type Board, createBoard } from '../../src/status/board.ts'
import type { Status, TargetStatus } from '../../src/status/shape.ts'
import type { StatusView } from '../../src/status/status.ts'
import { virtualClock } from '../helpers/clock.ts'
import { entry, node, service, swarmState, task } from '../helpers/cluster.ts'
import { quietView } from '../helpers/status-view.ts'
import { createWorld } from '../store/world.ts'
import { failed, read } from '../web/agent.ts'

interface Known {
  entries: Entry[]
  nodes: NodeView[]
  swarmState?: SwarmState
}

function setUp(entries: Entry[]) {
  const clock = virtualClock(0)
  const told: ((change: Change) => void)[] = []
  const known: Known = { entries, nodes: [node('node1', { link: 'self' }), node('node2')] }
  const view: StatusView = {
    ...quietView,
    self: () => known.nodes[0]!.self,
    entries: () => known.entries,
    entry: () => undefined,
    subscribe(listener) {
      told.push(listener)
      return () => {}
    },
    nodes: () => known.nodes,
    swarmState: () => known.swarmState && { value: known.swarmState, age: 0, from: 'node1' },
  }
  const board = createBoard(view, clock, (at) => at / 1000)
  const askUntold = (since?: string): Status => {
    board.look()
    return JSON.parse(board.print(since))
  }
  const ask = (since?: string) => {
    for (const listener of told) listener({ kind: 'nodes' })
    return askUntold(since)
  }
  return { known, clock, ask, askUntold }
}

const replica = (slot: string, on = 'node1') => entry(task('web', slot, { node: on }))
const ids = ({ targets }: Status) => targets.map(({ replica }) => replica)

describe('the board', () => {
  test('tells all, then only what changed', () => {
    const { known, ask } = setUp([replica('1'), replica('2')])
    const first = ask()
    expect([first.partial, ids(first)]).toEqual([false, ['1', '2']])
    expect(ids(ask(first.sequence))).toEqual([])

    known.entries[1] = { ...known.entries[1]!, snapshot: read('a 1\n') }
    const second = ask(first.sequence)
    expect([second.partial, ids(second)]).toEqual([true, ['2']])
    expect(second.targets[0]?.state).toBe('up')
    expect(ids(ask(second.sequence))).toEqual([])
  })

  test('names the state of things anew only when something changed, not as time passes', () => {
    const { known, clock, ask } = setUp([replica('1')])
    const { sequence } = ask()
    clock.passSync(5000)
    expect(ask()).toMatchObject({ sequence, time: 5 })
    known.nodes[1] = { ...known.nodes[1]!, roundTrip: 3 }
    expect(ask().sequence).not.toBe(sequence)
  })

  test('an entry that is put anew and says the same is no change', () => {
    const { known, ask } = setUp([replica('1')])
    const { sequence } = ask()
    known.entries[0] = { ...known.entries[0]! }
    expect(ask(sequence)).toMatchObject({ sequence, targets: [] })
  })

  test('does not go through the entries again where none has changed', () => {
    const { known, ask, askUntold } = setUp([replica('1')])
    const { sequence } = ask()
    known.entries = []
    expect(askUntold(sequence)).toMatchObject({ sequence, gone: [] })
    expect(ask(sequence).gone).toHaveLength(1)
  })

  test('tells anew what changed of a target between two scrapes, and what its service was given', () => {
    const { known, ask } = setUp([replica('1'), replica('2')])
    const { sequence } = ask()
    const [one] = known.entries
    known.entries[0] = { ...one!, target: { ...one!.target, image: 'image:2' } }
    expect(ask(sequence).targets.map(({ image }) => image)).toEqual(['image:2'])

    const declared = (labels: Readonly<Record<string, string>>) => swarmState([service('web', { labels })])
    known.swarmState = declared({ 'app-metrics-proxy.port': 'eighty' })
    expect(ask(sequence).targets[1]?.remarks).toEqual([expect.stringContaining('eighty')])
    known.swarmState = declared({})
    expect(ask(sequence).targets[1]?.remarks).toEqual([])
  })

  test.each([Number.POSITIVE_INFINITY, Number.NaN, 1e308])(
    'is valid JSON if a scrape took %d',
    (durationMs) => {
      const { known, ask } = setUp([replica('1'), replica('2')])
      const { sequence } = ask()
      const snapshot = { ...failed('timeout', 'slow'), at: durationMs, durationMs }
      known.entries[0] = { ...known.entries[0]!, snapshot, history: [{ ok: true, durationMs }] }
      expect(ask(sequence).targets).toMatchObject([{ replica: '1', state: 'down' }])
    },
  )

  test('tells what is gone, and that it came back', () => {
    const { known, ask } = setUp([replica('1'), replica('2')])
    const first = ask()
    const [one, two] = known.entries
    known.entries = [one!]
    const second = ask(first.sequence)
    expect(second.gone).toEqual([`node1/${two!.target.id}`])
    known.entries = [one!, two!]
    const third = ask(first.sequence)
    expect([ids(third), third.gone]).toEqual([['2'], []])
  })

  test('tells all of a node anew when its link is lost', () => {
    const { known, ask } = setUp([replica('1'), replica('2', 'node2'), replica('3', 'node2')])
    const { sequence } = ask()
    known.nodes[1] = node('node2', { link: 'lost' })
    const after = ask(sequence)
    expect(after.targets.map(({ replica, state }) => `${replica} ${state}`)).toEqual(['2 lost', '3 lost'])
  })

  test.each(['', 'nonsense', 'another.1', '.', '%00.-1'])('tells all to who last knew %j', (since) => {
    const { ask } = setUp([replica('1')])
    expect(ask(since)).toMatchObject({ partial: false, targets: [{ replica: '1' }] })
  })

  test('does not believe a state of things that is yet to come', () => {
    const { ask } = setUp([replica('1')])
    const [start] = ask().sequence.split('.')
    expect(ask(`${start}.99`).partial).toBe(false)
  })

  test('forgets what is long gone: who asks from before then gets all', () => {
    const { known, ask } = setUp(Array.from({ length: 12_000 }, (_, at) => replica(`${at}`)))
    const first = ask()
    known.entries = known.entries.slice(6000)
    const second = ask(first.sequence)
    expect([second.partial, second.gone.length]).toEqual([true, 6000])
    known.entries = []
    expect(ask(first.sequence)).toMatchObject({ partial: false, targets: [] })
    expect(ask(second.sequence)).toMatchObject({ partial: true, gone: { length: 6000 } })
  })
})

describe('told of single changes', () => {
  /** Who puts the answers together, and who asks an agent that has looked for the first time. */
  function follow(entries: readonly Entry[]) {
    const nodes = [node('node1', { link: 'self' }), node('node2')]
    const world = createWorld(entries, nodes)
    const listeners: ((change: Change) => void)[] = []
    const view: StatusView = {
      ...quietView,
      ...world,
      self: () => nodes[0]!.self,
      subscribe(listener) {
        listeners.push(listener)
        return world.subscribe(listener)
      },
      swarmState: () => ({ ...world.swarmState()!, age: 0, from: 'node1' }),
    }
    world.declare(swarmState([]))
    const board = createBoard(view, virtualClock(0), (at) => at / 1000)
    const known = new Map<string, TargetStatus>()
    let sequence = ''
    const told = (since?: string, of: Board = board): Status => {
      of.look()
      return JSON.parse(of.print(since))
    }
    return {
      world,
      ask: told,
      link(link: NodeView['link']) {
        nodes[1] = node('node2', { link })
        for (const listener of listeners) listener({ kind: 'nodes' })
      },
      partial() {
        const answer = told(sequence)
        if (!answer.partial) known.clear()
        for (const target of answer.targets) known.set(target.key, target)
        for (const key of answer.gone) known.delete(key)
        sequence = answer.sequence
        return Object.fromEntries(known)
      },
      whole() {
        const { targets } = told(
          undefined,
          createBoard(view, virtualClock(0), (at) => at / 1000),
        )
        return Object.fromEntries(targets.map((target) => [target.key, target]))
      },
    }
  }

  test('tells the same as one that looks for the first time', () => {
    const targets = ['1', '2', '3'].map((slot) =>
      task('web', slot, { node: slot === '3' ? 'node2' : 'node1' }),
    )
    const which = fc.nat({ max: targets.length - 1 })
    const more = fc.constantFrom(
      ...[{}, { snapshot: read('a 1\n') }, { snapshot: failed('timeout', 'slow') }],
      { ended: { at: 5, exitCode: 1, removed: false } },
    )
    const step = fc.oneof(
      ...[1, 2, 3].map(() => fc.tuple(which, more).map(([put, more]) => ({ put, more }))),
      which.map((remove) => ({ remove })),
      fc.constantFrom<NodeView['link']>('up', 'lost').map((link) => ({ link })),
      fc.constantFrom('eighty', '80').map((port) => ({ port })),
      ...[1, 2, 3].map(() => fc.constant({ ask: true })),
    )
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) => {
        const { world, link, partial, whole } = follow([])
        for (const step of steps) {
          if ('put' in step) world.put(entry(targets[step.put]!, step.more))
          else if ('remove' in step) world.remove(targets[step.remove]!.node, targets[step.remove]!.id)
          else if ('link' in step) link(step.link)
          else if ('port' in step)
            world.declare(swarmState([service('web', { labels: { 'app-metrics-proxy.port': step.port } })]))
          else expect(partial()).toEqual(whole())
        }
        expect(partial()).toEqual(whole())
      }),
      { numRuns: 300 },
    )
  })

  test('tells what changed and what is gone, no more, each time under another name', () => {
    const { world, ask } = follow([replica('1'), replica('2'), replica('3')])
    const [one, two] = world.entries()
    const first = ask()
    world.put({ ...one!, snapshot: read('a 1\n') })
    const second = ask(first.sequence)
    expect([ids(second), second.gone]).toEqual([['1'], []])
    world.remove(two!.owner, two!.target.id)
    const third = ask(second.sequence)
    expect([ids(third), third.gone]).toEqual([[], [`node1/${two!.target.id}`]])
    expect(new Set([first, second, third, ask()].map(({ sequence }) => sequence)).size).toBe(3)
  })

  test('looks at all where more have changed than are worth noting', () => {
    const entries = Array.from({ length: 6000 }, (_, at) => replica(`${at}`))
    const { world, partial, whole } = follow(entries)
    partial()
    for (const entry of entries) world.put({ ...entry, snapshot: read('a 1\n') })
    expect(partial()).toEqual(whole())
  })
})
