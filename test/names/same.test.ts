import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Change, Entry, NodeView, Place, Snapshot } from '../../src/model.ts'
import { plainPage } from '../../src/model.ts'
import { createNames } from '../../src/names/names.ts'
import { container, createWorld, declared, globalTask, node, standalone } from '../store/world.ts'

const page = plainPage(Buffer.from('a 1\n'), { format: 'text/0.0.4', series: 1, remarks: [] })
const read: Snapshot = { ok: true, at: 0, durationMs: 1, page }
const closed: Snapshot = { ok: false, at: 0, durationMs: 1, trouble: { code: 'refused', reason: 'refused' } }

/** The same world under two look-ups: one is told with each change that all may have changed. */
function setUp(entries: readonly Entry[]) {
  const nodes: NodeView[] = [node('n1', 'one', 'self'), node('n2', 'two')]
  const world = createWorld(entries, nodes)
  const asked: string[] = []
  const watched = {
    ...world,
    entry(owner: string, id: string) {
      asked.push(id)
      return world.entry(owner, id)
    },
  }
  const ownName = (labels: Entry['target']['labels']) => labels.name
  const [names, forgetful] = [createNames(watched, ownName), createNames(world, ownName)]
  return {
    ...{ world, nodes, names, asked },
    changed(change: Change) {
      names.changed(change)
      forgetful.changed(change)
    },
    forgetful(question: Parameters<typeof names.lookUp>[0]) {
      forgetful.changed({ kind: 'nodes' })
      return forgetful.lookUp(question)
    },
  }
}

/** Another task of a global service on its node. */
const next = (owner: string, service: string) => {
  const { target } = globalTask(owner, service)
  return container(owner, `${target.name}-next`, { ...target.place, task: 'next' } as Place)
}

describe('a name that is asked for again', () => {
  test('means what it would mean if nobody had asked before', () => {
    const known = [
      ...[standalone('n1', 'web'), standalone('n2', 'web'), standalone('n2', 'shop_web')],
      ...[globalTask('n1', 'shop_web'), globalTask('n2', 'shop_web'), next('n1', 'shop_web')],
    ]
    const { endpoint: _, ...unfound } = known[0]!
    const entry = fc.constantFrom(...known, unfound)
    const ended = { at: 5, exitCode: 1, removed: false }
    const more = fc.constantFrom({}, { snapshot: read }, { snapshot: closed }, { ended })
    const labelled = fc.constantFrom({}, {}, { labels: { name: 'web' } })
    const put = fc.tuple(entry, more, labelled).map(([entry, more, labels]) => {
      const target = 'labels' in labels ? { ...entry.target, ...labels } : entry.target
      return { put: { ...entry, target, ...more } }
    })
    const step = fc.oneof(
      ...[put, put, entry.map((remove) => ({ remove }))],
      fc.constantFrom('up', 'lost').map((link) => ({ link })),
      fc
        .constantFrom(undefined, declared({ name: 'shop_web', mode: 'global' }))
        .map((declare) => ({ declare })),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const { world, nodes, names, changed, forgetful } = setUp([])
        for (const step of steps) {
          if ('put' in step) changed(world.put(step.put))
          else if ('remove' in step) changed(world.remove(step.remove.owner, step.remove.target.id))
          else if ('declare' in step) changed(world.declare(step.declare))
          else {
            nodes[1] = node('n2', 'two', step.link as NodeView['link'])
            changed({ kind: 'nodes' })
          }
          for (const name of ['web', 'shop_web'])
            for (const asked of ['n1', 'n2', 'n1'])
              expect(names.lookUp({ name, asked })).toEqual(forgetful({ name, asked }))
        }
      }),
    )
  })

  const first = globalTask('n1', 'shop_web')
  const second = next('n1', 'shop_web')
  const { endpoint: _, ...silent } = first
  const { endpoint: __, ...unfound } = second
  const stopped = { ...second, target: { ...second.target, state: 'stopped' as const } }
  test.each<[string, readonly Entry[], Entry]>([
    ['the container ends', [first, second], { ...first, ended: { at: 5, exitCode: 1, removed: false } }],
    ['it listens no longer', [first, second], { ...first, snapshot: closed }],
    ['another is found to have metrics', [silent, unfound], second],
    ['another runs again', [{ ...first, snapshot: closed }, stopped], second],
  ])('means another container once %s', (_, entries, news) => {
    const { world, names, changed } = setUp([])
    const look = () => names.lookUp({ name: 'shop_web', asked: 'n1' })
    for (const entry of entries) {
      changed(world.put(entry))
      expect([look(), look()]).toMatchObject(Array(2).fill({ entry: { target: first.target } }))
    }
    changed(world.put(news))
    expect([look(), look()]).toMatchObject(Array(2).fill({ entry: { target: second.target } }))
  })

  test('is not searched for again, however often its container is scraped', () => {
    const web = standalone('n1', 'web')
    const { world, names, changed, asked } = setUp([web, standalone('n2', 'web')])
    const look = () => names.lookUp({ name: 'web', asked: 'n1' })
    look()
    const searched = asked.splice(0)
    expect(searched).toHaveLength(2)
    changed(world.put({ ...web, snapshot: read }))
    expect(look()).toMatchObject({ kind: 'one', entry: { snapshot: read } })
    expect(asked.splice(0)).toEqual([web.target.id])
  })
})
