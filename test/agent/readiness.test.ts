// What an agent waits for after a start, and for how long.

import { beforeEach, describe, expect, test } from 'vitest'
import { createReadiness, type ReadinessDeps } from '../../src/agent/readiness.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { self, swarmState } from '../store/samples.ts'

type Facts = { -readonly [K in keyof ReadinessDeps]: ReadinessDeps[K] }

const failure = { code: 'not_ready', reason: 'nothing listens there', hint: 'start Docker' } as const
const known = (ageMs = 0) => ({ value: swarmState(['1']), ageMs, from: 'n2' })
let clock: VirtualClock
let facts: Facts

beforeEach(() => {
  clock = virtualClock()
  facts = {
    clock,
    self: () => self(),
    discovery: () => ({ warnings: [] }),
    isProbed: () => true,
    swarmState: () => known(),
    isSynced: () => true,
    linkedAgents: () => 1,
  }
})

describe('after a start', () => {
  test('nothing is awaited once all is in', () => {
    const readiness = createReadiness(facts)
    expect([readiness.pendingForNames(), readiness.pendingForLists()]).toEqual([[], []])
  })

  test('the containers are awaited, however long it takes; why they are not known is reported', async () => {
    facts.self = () => undefined
    const readiness = createReadiness(facts)
    expect(readiness.pendingForLists()).toEqual(['the list of containers'])
    await clock.pass(3_600_000)
    expect(readiness.pendingForNames()).toEqual(['the list of containers'])
    facts.discovery = () => ({ failure, warnings: [] })
    expect(readiness.pendingForNames()).toEqual(['nothing listens there'])
  })

  test.each<[string, Partial<Facts>, boolean]>([
    ['the swarm state from a manager', { swarmState: () => undefined }, true],
    ['what the other agents have', { isSynced: () => false }, true],
    ['the first probe of each container', { isProbed: () => false }, false],
  ])('%s is awaited for half a minute', async (what, missing, isForNames) => {
    Object.assign(facts, missing)
    const readiness = createReadiness(facts)
    await clock.pass(30_000)
    expect(readiness.pendingForLists()).toEqual([what])
    expect(readiness.pendingForNames()).toEqual(isForNames ? [what] : [])
    await clock.pass(1)
    expect([readiness.pendingForNames(), readiness.pendingForLists()]).toEqual([[], []])
  })

  test('an agent that the managers know to run is awaited for a quarter of a minute, though DNS does not list it', async () => {
    const [, web] = [...known().value.services][0]!
    const agents = {
      ...web,
      name: 'metrics_agent',
      taskStates: new Map([
        ['running', 1],
        ['starting', 1],
        ['preparing', 1],
      ]),
    }
    const value = { ...known().value, services: new Map([['agent', agents]]) }
    Object.assign(facts, {
      self: () => self('n1', { service: 'metrics_agent' }),
      swarmState: () => ({ ...known(), value }),
    })
    const missing = ['what the other agents have']
    const readiness = createReadiness(facts)
    await clock.pass(15_000)
    expect(readiness.pendingForNames()).toEqual(missing)
    await clock.pass(1)
    expect(readiness.pendingForNames()).toEqual([])
    const another = createReadiness(facts)
    expect(another.pendingForLists()).toEqual(missing)
    facts.linkedAgents = () => 2
    expect(another.pendingForLists()).toEqual([])
    facts.linkedAgents = () => 1
    expect(another.pendingForLists()).toEqual([])
  })

  test('what comes to be missing later, as where the node joins a Swarm, is not awaited', () => {
    Object.assign(facts, { self: () => self('n1', { swarm: false }), swarmState: () => undefined })
    const readiness = createReadiness(facts)
    expect(readiness.pendingForLists()).toEqual([])
    facts.self = () => self('n1', { swarm: true })
    expect([readiness.pendingForNames(), readiness.pendingForLists()]).toEqual([[], []])
  })

  test('outside a Swarm nobody waits for managers', () => {
    Object.assign(facts, { self: () => self('n1', { swarm: false }), swarmState: () => undefined })
    expect(createReadiness(facts).pendingForLists()).toEqual([])
  })
})

test('while Docker is away the agent is not ready, though names and lists are complete', () => {
  const readiness = createReadiness(facts)
  expect(readiness.pendingForReady()).toEqual([])
  facts.discovery = () => ({ failure, warnings: [] })
  expect(readiness.pendingForReady()).toEqual(['nothing listens there'])
  expect([readiness.pendingForNames(), readiness.pendingForLists()]).toEqual([[], []])
})
