import { describe, expect, test } from 'vitest'
import type { ApiNode, ApiService, ApiTask } from '../../src/discover/docker-api.ts'
import { addFailures, addReschedules, createTaskCounter } from '../../src/discover/task-counts.ts'
import type { FailureCount, SwarmState, TaskCount } from '../../src/model.ts'
import { virtualClock } from '../helpers/clock.ts'
import { swarmState } from '../helpers/cluster.ts'

const services: ApiService[] = ['web', 'db'].map((name) => ({ ID: name, Spec: { Name: name } }))

function ended(Index: number, ExitCode: number, more: Partial<ApiTask> = {}, State = 'failed'): ApiTask {
  const ContainerStatus = { ContainerID: 'c1', ExitCode }
  return {
    ...{ ID: `t${Index}`, ServiceID: 'web', DesiredState: 'shutdown', Version: { Index } },
    Status: { State, ContainerStatus },
    ...more,
  }
}

const begun: FailureCount = { after: 10, upTo: 10, services: new Map(), tasks: [] }
const countsOf = ({ services }: TaskCount, id = 'web') => [...(services.get(id) ?? [])]

describe('the failures of tasks', () => {
  test('are counted by exit code from the first reading on, each once', () => {
    const first = addFailures([], [ended(3, 1), ended(7, 1)], services)
    expect(first).toEqual({
      after: 7,
      upTo: 7,
      services: new Map([
        ['db', new Map()],
        ['web', new Map()],
      ]),
      tasks: ['t3', 't7'],
    })
    const second = addFailures([first], [ended(7, 1), ended(8, 137), ended(9, 1), ended(9, 1)], services)
    expect(countsOf(second)).toEqual([
      ['1', 2],
      ['137', 1],
    ])
    expect(second.upTo).toBe(9)
    expect(addFailures([second], [ended(8, 137), ended(9, 1)], services)).toEqual(second)
  })

  test('are those that ended by themselves, not those that were shut down or still run', () => {
    const tasks = [
      ended(11, 137, {}, 'shutdown'),
      ended(12, 1, { DesiredState: 'running' }),
      ended(13, 0, {}, 'complete'),
      ended(14, 0, { Status: { State: 'rejected' } }),
      ended(15, 0, {}, 'orphaned'),
      ended(16, 1, { Version: {} }),
    ]
    expect(countsOf(addFailures([begun], tasks, services))).toEqual([
      ['', 1],
      ['0', 1],
    ])
  })

  test('of a service that is gone are dropped', () => {
    const counted = addFailures([begun], [ended(11, 1), ended(12, 2, { ServiceID: 'deleted' })], services)
    expect([...counted.services.keys()]).toEqual(['db', 'web'])
    expect(addFailures([counted], [], services.slice(1)).services).toEqual(new Map([['db', new Map()]]))
  })

  test('have few exit codes, however many a service thinks up', () => {
    const tasks = Array.from({ length: 300 }, (_, at) => ended(11 + at, at))
    const counts = countsOf(addFailures([begun], tasks, services))
    expect(counts).toHaveLength(17)
    expect(new Map(counts).get('other')).toBe(284)
  })

  test('have no exit code that is no number', () => {
    const tasks = [ended(11, 'x\n{' as unknown as number), ended(12, null as unknown as number)]
    expect(countsOf(addFailures([begun], tasks, services))).toEqual([['', 2]])
  })

  test('go on from the count that was begun first, and of two from the one that got further', () => {
    const counts = (after: number, upTo: number, count: number): FailureCount => ({
      ...{ after, upTo, tasks: [] },
      services: new Map([['web', new Map([['1', count]])]]),
    })
    const both = [counts(20, 30, 1), counts(5, 29, 8), counts(5, 28, 7)]
    expect(addFailures(both, [ended(29, 1), ended(31, 1)], services)).toEqual({
      ...counts(5, 31, 9),
      services: new Map([
        ['db', new Map()],
        ['web', new Map([['1', 9]])],
      ]),
      tasks: ['t29', 't31'],
    })
  })

  test('are counted once, also where a node reports them again to another manager', () => {
    const again = (task: ApiTask, Index: number): ApiTask => ({ ...task, Version: { Index } })
    const [one, two, three] = [ended(11, 3), ended(12, 3), ended(13, 3)]
    const first = addFailures([begun], [one, two], services)
    const second = addFailures([first], [again(one, 20), again(two, 20), three], services)
    expect([countsOf(second), second.upTo]).toEqual([[['3', 3]], 20])
    const third = addFailures([second], [again(two, 21), again(three, 22), ended(23, 3)], services)
    expect(countsOf(third)).toEqual([['3', 4]])
  })

  test('are remembered as long as the Swarm lists them, whatever a list says that was read earlier', () => {
    const first = addFailures([begun], [ended(11, 1), ended(12, 1)], services)
    const earlier = addFailures([first], [ended(11, 1)], services)
    expect(earlier.tasks).toEqual(['t11', 't12'])
    expect(addFailures([first], [ended(12, 1), ended(13, 1)], services).tasks).toEqual(['t12', 't13'])
  })
})

describe('tasks that moved to another node', () => {
  const node = (ID: string, State = 'ready', Availability = 'active'): ApiNode => ({
    ...{ ID, Spec: { Availability }, Status: { State } },
  })
  const nodes = [node('ready'), node('down', 'down'), node('drained', 'ready', 'drain')]
  /** Created at that second; a task that should run, or one that was shut down. */
  const task = (at: number, NodeID: string, more: Partial<ApiTask> = {}): ApiTask => ({
    ...{ ID: `t${at}`, ServiceID: 'web', Slot: 1, NodeID, CreatedAt: `2026-01-01T00:00:${at}.5Z` },
    ...{ DesiredState: 'running', Status: { State: 'running' } },
    ...more,
  })
  const was = (at: number, NodeID: string, more: Partial<ApiTask> = {}) =>
    task(at, NodeID, { DesiredState: 'shutdown', Status: { State: 'shutdown' }, ...more })
  const ms = (second: number) => Date.parse(`2026-01-01T00:00:${second}.5Z`)
  const from: TaskCount = { after: ms(10), upTo: ms(20), services: new Map() }
  const moves = (tasks: ApiTask[], ended: ApiTask[], counts: TaskCount[] = [from]) =>
    countsOf(addReschedules(counts, ended, { services, tasks, nodes }))

  test('are counted by reason, once they are replaced', () => {
    expect(moves([task(30, '')], [was(15, 'drained')])).toEqual([['drain', 1]])
    expect(moves([task(30, 'ready')], [was(15, 'gone', { Status: { State: 'orphaned' } })])).toEqual([
      ['removed', 1],
    ])
    // the managers don't learn how it ended
    expect(moves([task(30, 'ready')], [was(15, 'down', { Status: { State: 'running' } })])).toEqual([
      ['down', 1],
    ])
    expect(moves([], [was(15, 'drained')])).toEqual([])
  })

  test('are those of each slot by itself, each as often as it moved', () => {
    const other = { Slot: 2, ID: 'other' }
    const tasks = [task(41, 'ready'), task(40, 'ready', other)]
    const ended = [was(31, 'down'), was(15, 'drained'), was(12, 'ready', { ...other, ID: 'first' })]
    expect(moves(tasks, ended)).toEqual([
      ['down', 1],
      ['drain', 1],
    ])
  })

  test('are counted once, whatever becomes of the lost task and its node', () => {
    const first = addReschedules([from], [was(15, 'down', { Status: { State: 'running' } })], {
      ...{ services, nodes, tasks: [task(30, 'ready')] },
    })
    expect([first.after, first.upTo]).toEqual([ms(10), ms(30)])
    for (const NodeID of ['drained', 'gone'])
      expect(
        addReschedules([first], [was(15, NodeID)], { services, nodes, tasks: [task(30, 'ready')] }),
      ).toEqual(first)
  })

  test('are neither those of an update, nor those that failed, nor a job’s earlier runs', () => {
    expect(moves([task(30, 'ready')], [was(15, 'ready')])).toEqual([])
    expect(moves([task(30, 'ready')], [was(15, '')])).toEqual([])
    expect(moves([task(30, 'ready')], [was(15, 'down', { Status: { State: 'failed' } })])).toEqual([])
    const complete = { DesiredState: 'complete', Status: { State: 'complete' } }
    expect(moves([task(15, 'drained', complete), task(30, 'ready', complete)], [])).toEqual([])
    // a node's own, as a global service has them
    expect(moves([task(30, 'ready', { Slot: 0 })], [was(15, 'down', { Slot: 0 })])).toEqual([])
  })

  test('are no replacements of themselves where two lists have them', () => {
    expect(moves([task(30, 'drained')], [was(30, 'drained')])).toEqual([])
  })

  test('are not counted from before the first reading', () => {
    expect(moves([task(30, 'ready')], [was(15, 'down')], [])).toEqual([])
  })
})

describe('an agent', () => {
  const managers = (count: number): ApiNode[] =>
    Array.from({ length: count }, (_, at) => ({ ID: `n${at}`, Spec: { Role: 'manager' } }))

  function start(received: () => SwarmState | undefined = () => undefined) {
    const clock = virtualClock()
    const count = createTaskCounter(clock, received)
    return {
      clock,
      count,
      read(nodes: number, ...tasks: ApiTask[]) {
        expect(count.isDue('swarm-id')).toBe(true)
        count.add('swarm-id', { services, nodes: managers(nodes), tasks: [] }, tasks)
        const { failures } = count.counts()
        return failures && countsOf(failures)
      },
    }
  }

  test('on the only manager counts at once, and soon again while there are new ones', () => {
    const { clock, count, read } = start()
    expect(read(1, ended(1, 1))).toEqual([])
    expect([count.isDue('swarm-id'), count.isRising()]).toEqual([false, false])
    clock.passSync(10_000)
    expect(read(1, ended(2, 1))).toEqual([['1', 1]])
    expect(count.isRising()).toBe(true)
    clock.passSync(10_000)
    expect(read(1, ended(2, 1))).toEqual([['1', 1]])
    expect(count.isRising()).toBe(false)
  })

  test('that restarts shows no count until it has that of the other managers', () => {
    const failures = { after: 1, upTo: 5, services: new Map([['web', new Map([['1', 4]])]]), tasks: [] }
    let shared: SwarmState | undefined
    const { clock, read } = start(() => shared)
    expect(read(3, ended(6, 1))).toBeUndefined()
    shared = { ...swarmState([]), failures }
    clock.passSync(10_000)
    expect(read(3, ended(6, 1))).toEqual([['1', 5]])
  })

  test('goes on with each count of the other managers, and begins those that they lack', () => {
    const failures: FailureCount = { after: 1, upTo: 5, services: new Map(), tasks: [] }
    const reschedules: TaskCount = {
      after: 1,
      upTo: 5,
      services: new Map([['web', new Map([['drain', 4]])]]),
    }
    let shared: SwarmState | undefined = { ...swarmState([]), failures, reschedules }
    const { count, clock } = start(() => shared)
    count.add('swarm-id', { services, nodes: managers(3), tasks: [] }, [])
    expect(countsOf(count.counts().reschedules!)).toEqual([['drain', 4]])
    shared = { ...swarmState([]), swarmId: 'other', failures }
    expect(count.isDue('other')).toBe(true)
    clock.passSync(10_000)
    count.add('other', { services, nodes: managers(3), tasks: [] }, [])
    expect(count.counts()).toMatchObject({ failures: { after: 1 }, reschedules: { after: 0 } })
  })

  test('shows what another manager has counted since it read the list itself', () => {
    const failures = { after: 0, upTo: 8, services: new Map([['web', new Map([['1', 3]])]]), tasks: [] }
    let shared: SwarmState | undefined
    const { count, read } = start(() => shared)
    read(3)
    shared = { ...swarmState([]), failures }
    expect(count.counts().failures).toBe(failures)
    shared = { ...swarmState([]), failures: { ...failures, upTo: 7, services: new Map() } }
    expect(count.counts().failures).toBe(failures)
  })

  test('begins a count of its own where no other manager sends one', () => {
    const { clock, read } = start()
    for (const _ of [1, 2, 3]) {
      expect(read(3, ended(6, 1))).toBeUndefined()
      clock.passSync(10_000)
    }
    expect(read(3, ended(6, 1))).toEqual([])
  })

  test('in another Swarm begins anew', () => {
    const { clock, count, read } = start()
    read(1)
    clock.passSync(10_000)
    expect(read(1, ended(2, 1))).toEqual([['1', 1]])
    expect(count.isDue('other')).toBe(true)
    expect(count.counts()).toEqual({})
  })
})
