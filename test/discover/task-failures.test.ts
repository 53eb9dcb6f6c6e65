import { describe, expect, test } from 'vitest'
import type { ApiNode, ApiService, ApiTask } from '../../src/discover/docker-api.ts'
import { addFailures, createFailureCount } from '../../src/discover/task-failures.ts'
import type { SwarmState, TaskFailures } from '../../src/model.ts'
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

const begun: TaskFailures = { sinceVersion: 10, untilVersion: 10, services: new Map() }
const countsOf = ({ services }: TaskFailures, id = 'web') => [...(services.get(id) ?? [])]

describe('the failures of tasks', () => {
  test('are counted by exit code from the first reading on, each once', () => {
    const first = addFailures([], [ended(3, 1), ended(7, 1)], services)
    expect(first).toEqual({
      sinceVersion: 7,
      untilVersion: 7,
      services: new Map([
        ['db', new Map()],
        ['web', new Map()],
      ]),
    })
    const second = addFailures([first], [ended(7, 1), ended(8, 137), ended(9, 1), ended(9, 1)], services)
    expect(countsOf(second)).toEqual([
      ['1', 2],
      ['137', 1],
    ])
    expect(second.untilVersion).toBe(9)
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
    const counts = (sinceVersion: number, untilVersion: number, count: number): TaskFailures => ({
      ...{ sinceVersion, untilVersion },
      services: new Map([['web', new Map([['1', count]])]]),
    })
    const both = [counts(20, 30, 1), counts(5, 29, 8), counts(5, 28, 7)]
    expect(addFailures(both, [ended(29, 1), ended(31, 1)], services)).toEqual({
      ...counts(5, 31, 9),
      services: new Map([
        ['db', new Map()],
        ['web', new Map([['1', 9]])],
      ]),
    })
  })
})

describe('an agent', () => {
  const managers = (count: number): ApiNode[] =>
    Array.from({ length: count }, (_, at) => ({ ID: `n${at}`, Spec: { Role: 'manager' } }))

  function start(received: () => SwarmState | undefined = () => undefined) {
    const clock = virtualClock()
    const count = createFailureCount(clock, received)
    return {
      clock,
      count,
      read(nodes: number, ...tasks: ApiTask[]) {
        expect(count.isDue('swarm-id')).toBe(true)
        count.add('swarm-id', { services, nodes: managers(nodes) }, tasks)
        const failures = count.failures()
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
    const failures = { sinceVersion: 1, untilVersion: 5, services: new Map([['web', new Map([['1', 4]])]]) }
    let shared: SwarmState | undefined
    const { clock, read } = start(() => shared)
    expect(read(3, ended(6, 1))).toBeUndefined()
    shared = { ...swarmState([]), failures }
    clock.passSync(10_000)
    expect(read(3, ended(6, 1))).toEqual([['1', 5]])
  })

  test('shows what another manager has counted since it read the list itself', () => {
    const failures = { sinceVersion: 0, untilVersion: 8, services: new Map([['web', new Map([['1', 3]])]]) }
    let shared: SwarmState | undefined
    const { count, read } = start(() => shared)
    read(3)
    shared = { ...swarmState([]), failures }
    expect(count.failures()).toBe(failures)
    shared = { ...swarmState([]), failures: { ...failures, untilVersion: 7, services: new Map() } }
    expect(count.failures()).toBe(failures)
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
    expect(count.failures()).toBeUndefined()
  })
})
