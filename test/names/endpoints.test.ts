import { describe, expect, test } from 'vitest'
import { type Entry, endpointId } from '../../src/model.ts'
import { createNames } from '../../src/names/names.ts'
import type { NameQuery } from '../../src/names/resolution.ts'
import { createWorld, declared, globalTask, node, standalone, task } from '../store/world.ts'

const nodes = [node('n1', 'one', 'self'), node('n2', 'two')]

/** The entry of the container's other endpoint. */
const at = (entry: Entry, number: number): Entry => ({
  ...entry,
  target: { ...entry.target, id: endpointId(entry.target.id, number) },
})
const old = task('n2', 'demo_web', 3)
const web = [task('n1', 'demo_web', 1), task('n2', 'demo_web', 2)]
const cron = standalone('n1', 'cron')
const glob = ['n1', 'n2'].map((owner) => globalTask(owner, 'demo_glob'))
const having = [...web, cron, ...glob]
const entries = [...having, old, ...having.map((entry) => at(entry, 2)), at(cron, 3)]

function namesOf(entries: readonly Entry[]) {
  const world = createWorld(entries, nodes)
  world.declare(declared({ slots: ['1', '2', '3'] }, { name: 'demo_glob', mode: 'global', slots: [] }))
  const names = createNames(
    world,
    () => undefined,
    ({ target: { name } }) => (name === 'cron' ? [2, 3] : name === old.target.name ? [] : [2]),
  )
  return { world, lookUp: (query: Omit<NameQuery, 'node'>) => names.lookUp({ node: 'n1', ...query }), names }
}

const { lookUp, names } = namesOf(entries)
const idOf = ({ target }: Entry, number = 1) => endpointId(target.id, number)

function resolved(query: Omit<NameQuery, 'node'>) {
  const found = lookUp(query)
  if (found.kind === 'one') return found.entry.target.id
  if (found.kind === 'replicas') return found.replicas.map(({ entry }) => entry?.target.id)
  return found.kind === 'failed' ? [found.failure.code, found.failure.reason, found.failure.hint] : found.kind
}

describe('names mean containers, of which a number means an endpoint', () => {
  const path = 'request one of'
  test.each([
    [{ name: 'cron' }, idOf(cron)],
    [{ name: 'cron', endpoint: 1 }, idOf(cron)],
    [{ name: 'cron', endpoint: 3 }, idOf(cron, 3)],
    [{ name: 'cron', replica: 'one', endpoint: 2 }, idOf(cron, 2)],
    [{ name: 'demo_web', replica: '2', endpoint: 2 }, idOf(web[1]!, 2)],
    [{ name: 'demo_web' }, [...web, old].map((entry) => idOf(entry))],
    [{ name: 'web', endpoint: 2 }, web.map((entry) => idOf(entry, 2))],
    [{ name: 'web', endpoint: 2, scope: 'node' as const }, [idOf(web[0]!, 2)]],
    [{ name: 'demo_glob', endpoint: 2 }, idOf(glob[0]!, 2)],
    [{ name: 'demo_glob', replica: 'two', endpoint: 2 }, idOf(glob[1]!, 2)],
    [
      { name: 'cron', replica: 'one', endpoint: 7 },
      [
        'not_found',
        '"cron" has no endpoint 7',
        `${path} /cron/one/metrics /cron/one/metrics?endpoint=2 /cron/one/metrics?endpoint=3`,
      ],
    ],
    [
      { name: 'web', endpoint: 3 },
      ['not_found', '"web" has no endpoint 3', `${path} /web/metrics /web/metrics?endpoint=2`],
    ],
    [
      { name: 'demo_web', replica: '3', endpoint: 2 },
      ['not_found', '"demo_web" has no endpoint 2', 'request /demo_web/3/metrics'],
    ],
    [
      { name: 'crom', endpoint: 2 },
      ['not_found', 'no container or service is named "crom"', 'request /cron/metrics'],
    ],
  ])('%j', (query, expected) => {
    expect(resolved(query)).toEqual(expected)
  })

  test('an endpoint that its owner has not listed yet is still searched for', () => {
    const { lookUp } = namesOf([cron])
    const found = lookUp({ name: 'cron', endpoint: 2 })
    const { endpoint, ...rest } = cron
    expect(found).toMatchObject({
      kind: 'one',
      entry: at({ ...rest, probeResult: { kind: 'searching' } }, 2),
    })
    expect((found as { entry: Entry }).entry).not.toHaveProperty('endpoint')
  })

  test('an endpoint that only its owner knows is found, too', () => {
    const { names } = namesOf([cron, at(cron, 4)])
    const found = names.lookUp({ name: 'cron', node: 'n1', endpoint: 4 })
    expect(found).toMatchObject({ kind: 'one', entry: at(cron, 4) })
    expect(names.lookUp({ name: 'cron', node: 'n1', endpoint: 5 })).toMatchObject({
      failure: { hint: expect.stringMatching(/endpoint=2 \S+endpoint=3 \S+endpoint=4$/) },
    })
  })

  test('a slot without a container stays one', () => {
    const { lookUp } = namesOf([web[0]!, at(web[0]!, 2)])
    const found = lookUp({ name: 'demo_web', endpoint: 2 })
    expect(
      found.kind === 'replicas' && found.replicas.map(({ slot, entry }) => [slot, entry?.target.id]),
    ).toEqual([
      ['1', idOf(web[0]!, 2)],
      ['2', undefined],
      ['3', undefined],
    ])
  })

  test('endpoints make no name ambiguous', () => {
    expect(names.ambiguities('n1')).toEqual([])
  })

  test('an endpoint that comes and goes changes no name', () => {
    const { world, lookUp } = namesOf([cron])
    world.put(at(cron, 2))
    world.remove('n1', idOf(cron, 2))
    expect(lookUp({ name: 'cron' })).toMatchObject({ kind: 'one', entry: cron })
  })
})
