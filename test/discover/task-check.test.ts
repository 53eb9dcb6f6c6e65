import { expect, test } from 'vitest'
import { createTaskCheck } from '../../src/discover/task-check.ts'
import type { Place, SwarmState, Target, WithAge } from '../../src/model.ts'
import { virtualClock } from '../helpers/clock.ts'
import { replica, swarmState, target } from '../store/samples.ts'

const id = 'a'.repeat(64)
const listing = (...ids: readonly string[]): SwarmState => ({
  ...swarmState(['1']),
  containers: new Map([['n1', ids.map((one) => one.slice(0, 16))]]),
})

/** A node's one container with a task's labels, and the managers' newest list. */
function setUp(place: Partial<Place> = {}) {
  const clock = virtualClock()
  const { place: original, ...rest } = replica(id)
  const targets: readonly Target[] = [{ ...rest, place: { ...original, ...place } as Place }, target('plain')]
  let list: { readonly value: SwarmState; readonly readAt: number } | undefined
  let checked: readonly Target[] = []
  const newest = (): WithAge<SwarmState> | undefined =>
    list && { value: list.value, ageMs: clock.now() - list.readAt, from: 'manager' }
  let rechecks = 0
  const taskCheck = createTaskCheck(clock, newest, () => {
    rechecks += 1
    check()
  })
  const check = (now = targets) => {
    checked = taskCheck.check(now)
  }
  check()
  return {
    ...{ clock, check, targets },
    rechecks: () => rechecks,
    read: (value: SwarmState, readAt = clock.now()) => {
      list = { value, readAt }
    },
    state() {
      const { place } = checked[0]!
      if (place.kind === 'standalone') return 'unknown'
      return 'provisional' in place ? 'provisional' : 'known'
    },
  }
}

test('without any list it stays provisional', async () => {
  const { clock, state } = setUp()
  await clock.pass(600_000)
  expect(state()).toBe('provisional')
})

test('a new check is due only once the result is another one', async () => {
  const { clock, check, read, rechecks } = setUp()
  await clock.pass(600_000)
  read(listing())
  await clock.pass(600_000)
  expect(rechecks()).toBe(1)
  check()
  await clock.pass(600_000)
  expect(rechecks()).toBe(1)
  read(listing(id))
  await clock.pass(600_000)
  expect(rechecks()).toBe(2)
})

test('a list with it makes it known, and it stays so until it is gone', async () => {
  const { clock, check, read, state, targets } = setUp()
  read(listing(id))
  await clock.pass(1_000)
  expect(state()).toBe('known')
  read(listing())
  await clock.pass(600_000)
  check()
  expect(state()).toBe('known')
  check([])
  check(targets)
  expect(state()).toBe('provisional')
})

test('only a list that was read well after it was first seen makes it unknown; a later one makes it known', async () => {
  const { clock, read, state } = setUp()
  const seenAt = clock.now()
  read(listing())
  await clock.pass(600_000)
  expect(state()).toBe('provisional')
  read(listing(), seenAt + 19_000)
  await clock.pass(1_000)
  expect(state()).toBe('provisional')
  read(listing(), seenAt + 20_000)
  await clock.pass(1_000)
  expect(state()).toBe('unknown')
  read(listing(id))
  await clock.pass(1_000)
  expect(state()).toBe('known')
})

test.each<[string, (list: SwarmState) => SwarmState]>([
  [
    'have lost the node',
    (list) => ({ ...list, nodes: new Map([['n1', { ...list.nodes.get('n1')!, state: 'down' }]]) }),
  ],
  ['don’t know the node', (list) => ({ ...list, nodes: new Map() })],
])('managers that %s leave it provisional', async (_, change) => {
  const { clock, read, state } = setUp()
  await clock.pass(60_000)
  read(change(listing()))
  await clock.pass(1_000)
  expect(state()).toBe('provisional')
})

test.each<[string, Partial<Place>]>([
  ['the mode', { kind: 'global' }],
  ['the name', { service: 'demo_api' }],
])('%s of another service than the managers’ is refuted at once', async (_, place) => {
  const { clock, read, state } = setUp(place)
  read(listing())
  await clock.pass(1_000)
  expect(state()).toBe('unknown')
})

test('another node’s task of that id is not this one', async () => {
  const { clock, read, state } = setUp()
  read({ ...listing(), containers: new Map([['n2', [id.slice(0, 16)]]]) })
  await clock.pass(1_000)
  expect(state()).toBe('provisional')
})

test('a container without a task’s labels is unchanged', () => {
  const clock = virtualClock()
  const plain = [target('plain')]
  expect(
    createTaskCheck(
      clock,
      () => undefined,
      () => {},
    ).check(plain),
  ).toEqual(plain)
})
