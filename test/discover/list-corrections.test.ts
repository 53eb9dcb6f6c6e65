import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import type { Container } from '../../src/discover/container.ts'
import type { ContainerEvent } from '../../src/discover/events.ts'
import { createListCorrections, type ListCorrections } from '../../src/discover/list-corrections.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { named, node } from './recorded.ts'

const [plain, two] = [named(node.containers, 'plain'), named(node.containers, 'two')]
const listOf = (...containers: readonly Container[]) => new Map(containers.map((one) => [one.id, one]))
const died = (atNs?: number): ContainerEvent => ({ kind: 'died', id: two.id, atNs, exitCode: 1 })
const event = (kind: 'started' | 'removed', atNs?: number): ContainerEvent => ({ kind, id: two.id, atNs })

let clock: VirtualClock
let corrections: ListCorrections

beforeEach(() => {
  clock = virtualClock()
  corrections = createListCorrections(clock)
  list(plain, two)
})
/** A list that is read at once. */
const list = (...containers: readonly Container[]) => corrections.request()(listOf(...containers))
const stateOfTwo = () => corrections.containers().get(two.id)?.state

test('without events the list counts', () => {
  expect(corrections.containers()).toEqual(listOf(plain, two))
  expect(corrections.isPending()).toBe(false)
})

test.each<[string, ContainerEvent[], Container['state'] | undefined]>([
  ['a death stops it', [died()], 'stopped'],
  ['a start after the death', [died(1), event('started', 2)], 'running'],
  ['a death before the start, received late', [event('started', 2), died(1)], 'running'],
  ['a death after the start', [event('started', 1), died(2)], 'stopped'],
  ['a removal', [died(), event('removed')], undefined],
  ['a death received after the removal', [event('removed'), died()], undefined],
])('%s counts against a list that has it running, for 30 seconds', async (_, events, state) => {
  for (const one of events) corrections.event(one)
  expect(stateOfTwo()).toBe(state)
  expect(corrections.isPending()).toBe(state !== 'running')
  await clock.pass(30_000)
  list(plain, two)
  expect(stateOfTwo()).toBe(state)
  await clock.pass(1)
  expect(stateOfTwo()).toBe('running')
})

test('a death is pending until the list has it', () => {
  corrections.event(died())
  list(plain, { ...two, state: 'stopped', exitCode: 1 })
  expect(corrections.isPending()).toBe(false)
})

test('a missing container is kept for five seconds, or until it is listed again', async () => {
  list(plain)
  expect(stateOfTwo()).toBe('running')
  expect(corrections.isPending()).toBe(true)
  list(plain, two)
  expect(corrections.isPending()).toBe(false)
  list(plain)
  await clock.pass(5_000)
  list(plain)
  expect(stateOfTwo()).toBe('running')
  await clock.pass(1)
  expect(corrections.containers()).toEqual(listOf(plain))
  expect(corrections.isPending()).toBe(false)
})

test.each<[string, () => void]>([
  ['that was removed', () => corrections.event(event('removed'))],
  ['that events may have removed in a gap', () => corrections.gap()],
])('a missing container %s is gone at once', (_, act) => {
  act()
  list(plain)
  expect(corrections.containers()).toEqual(listOf(plain))
  expect(corrections.isPending()).toBe(false)
})

test('after a gap a death counts until a list has arrived that was requested after it', () => {
  const requestedBefore = corrections.request()
  corrections.event(died())
  corrections.gap()
  const requestedAfter = corrections.request()
  requestedBefore(listOf(plain, two))
  expect(stateOfTwo()).toBe('stopped')
  requestedAfter(listOf(plain, two))
  expect(stateOfTwo()).toBe('running')
})

test('a removed container stays removed after a gap too: its id is never used again', () => {
  corrections.event(event('removed'))
  corrections.gap()
  list(plain, two)
  expect(stateOfTwo()).toBeUndefined()
})

test('a container that was missing before a gap is gone when a list after it lacks it, too', () => {
  list(plain)
  corrections.gap()
  expect(stateOfTwo()).toBe('running')
  list(plain)
  expect(stateOfTwo()).toBeUndefined()
})

test('the list that was requested before a gap does not end it', () => {
  const requestedBefore = corrections.request()
  corrections.gap()
  requestedBefore(listOf(plain, two))
  list(plain)
  expect(stateOfTwo()).toBeUndefined()
})

test('in any history what ended runs again only once it was started, and after a gap the list and later events count', () => {
  const id = fc.constantFrom('a', 'b', 'c')
  const action = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('start', 'die', 'destroy'), id }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('request', 'take', 'arrive') }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('cut', 'open') }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.integer({ min: 1, max: 3_000 }) }),
    },
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60, size: 'max' }), (actions) => {
      const history = startHistory()
      for (const one of actions) {
        history.act(one)
        history.check()
      }
    }),
    { numRuns: 2_000 },
  )
})

interface Action {
  readonly kind: string
  readonly id?: string
  readonly ms?: number
}

type States = Map<string, Container['state']>

/** A Docker whose event stream is cut and opened, and whose lists are slow: before they are taken, and on their way. */
function startHistory() {
  const time = virtualClock()
  const tested = createListCorrections(time)
  const docker: States = new Map()
  const starts = new Map<string, number>()
  const removed = new Set<string>()
  let isOpen = false
  let eventsSinceGap: ContainerEvent[] = []
  let inFlight: { arrive: ReturnType<typeof tested.request>; taken?: States; isAfterGap: boolean } | undefined
  /** The last list, if it was requested after the last gap. */
  let listed: States | undefined
  let reported: States = new Map()
  /** How often each container had been started when its end was reported. */
  const ended = new Map<string, number>()

  function send(kind: 'started' | 'died' | 'removed', id: string): void {
    if (!isOpen) return
    const sent = { kind, id, atNs: undefined, exitCode: 1 }
    tested.event(sent)
    eventsSinceGap.push(sent)
  }
  function gap(opens: boolean): void {
    if (isOpen === opens) return
    isOpen = opens
    tested.gap()
    eventsSinceGap = []
    listed = undefined
    if (inFlight) inFlight.isAfterGap = false
  }
  const actions: Record<string, (id: string, ms: number) => void> = {
    start(id) {
      if (removed.has(id) || docker.get(id) === 'running') return
      docker.set(id, 'running')
      starts.set(id, (starts.get(id) ?? 0) + 1)
      send('started', id)
    },
    die(id) {
      if (docker.get(id) !== 'running') return
      docker.set(id, 'stopped')
      send('died', id)
    },
    destroy(id) {
      actions.die!(id, 0)
      if (!docker.delete(id)) return
      removed.add(id)
      send('removed', id)
    },
    request() {
      inFlight ??= { arrive: tested.request(), isAfterGap: true }
    },
    take() {
      if (inFlight) inFlight.taken ??= new Map(docker)
    },
    arrive() {
      actions.take!('', 0)
      const { arrive, taken, isAfterGap } = inFlight ?? {}
      inFlight = undefined
      arrive?.(listOf(...[...taken!].map(([id, state]) => ({ ...two, id, state }))))
      if (isAfterGap) listed = taken
    },
    cut: () => gap(false),
    open: () => gap(true),
    /** Lists arrive, and are requested again, long before events expire. */
    pass(_, ms) {
      if (inFlight) actions.arrive!('', 0)
      else actions.request!('', 0)
      time.passSync(ms)
    },
  }
  function expected(list: States): States {
    const states: States = new Map(list)
    for (const { kind, id } of eventsSinceGap) {
      if (!list.has(id)) continue
      if (kind === 'started') states.set(id, list.get(id)!)
      if (kind === 'died') states.set(id, 'stopped')
      if (kind === 'removed') states.delete(id)
    }
    return states
  }
  return {
    act: ({ kind, id = '', ms = 0 }: Action) => actions[kind]!(id, ms),
    check() {
      const before = reported
      reported = new Map([...tested.containers().values()].map(({ id, state }) => [id, state]))
      for (const [id, started] of starts) {
        if (reported.get(id) === 'running') expect(started).toBeGreaterThan(ended.get(id) ?? 0)
        else if (before.get(id) === 'running' && docker.get(id) !== 'running') ended.set(id, started)
      }
      if (isOpen && listed) expect(reported).toEqual(expected(listed))
    },
  }
}
