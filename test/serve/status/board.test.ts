import { describe, expect, test } from 'vitest'
import type { Catalogue, Entry, NodeView } from '../../../src/model.ts'
import { createBoard } from '../../../src/serve/status/board.ts'
import type { Status } from '../../../src/serve/status/shape.ts'
import type { StatusView } from '../../../src/serve/status/status.ts'
import { virtualClock } from '../../helpers/clock.ts'
import { catalogue, entry, node, service, task } from '../../helpers/cluster.ts'
import { quietView } from '../../helpers/status-view.ts'
import { read } from '../agent.ts'

interface Known {
  entries: Entry[]
  nodes: NodeView[]
  catalogue?: Catalogue
}

function setUp(entries: Entry[]) {
  const clock = virtualClock(0)
  const told: (() => void)[] = []
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
    catalogue: () => known.catalogue && { value: known.catalogue, age: 0, from: 'node1' },
  }
  const board = createBoard(view, clock, (at) => at / 1000)
  const askUntold = (since?: string): Status => {
    board.look()
    return JSON.parse(board.print(since).toString())
  }
  const ask = (since?: string) => {
    for (const listener of told) listener()
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

    const declared = (labels: Readonly<Record<string, string>>) => catalogue([service('web', { labels })])
    known.catalogue = declared({ 'app-metrics-proxy.port': 'eighty' })
    expect(ask(sequence).targets[1]?.remarks).toEqual([expect.stringContaining('eighty')])
    known.catalogue = declared({})
    expect(ask(sequence).targets[1]?.remarks).toEqual([])
  })

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
