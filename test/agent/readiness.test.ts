// What an agent waits for after a start, and for how long.

import { beforeEach, describe, expect, test } from 'vitest'
import { type Circumstances, createAwaited, unheard } from '../../src/agent/readiness.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { self, swarmState } from '../store/samples.ts'

type Facts = { -readonly [K in keyof Circumstances]: Circumstances[K] }

const trouble = { code: 'not_ready', reason: 'nothing listens there', hint: 'start Docker' } as const
const known = (age = 0) => ({ value: swarmState(['1']), age, from: 'n2' })
let clock: VirtualClock
let facts: Facts

beforeEach(() => {
  clock = virtualClock()
  facts = {
    clock,
    self: () => self(),
    discovery: () => ({ warnings: [] }),
    probed: () => true,
    swarmState: () => known(),
    synced: () => true,
  }
})

describe('after a start', () => {
  test('nothing is awaited once all is in', () => {
    const awaited = createAwaited(facts)
    expect([awaited.picture(), awaited.list()]).toEqual([[], []])
  })

  test('the containers are awaited, however long it takes; why they are not known is told', async () => {
    facts.self = () => undefined
    const awaited = createAwaited(facts)
    expect(awaited.list()).toEqual(['the list of containers'])
    await clock.pass(3_600_000)
    expect(awaited.picture()).toEqual(['the list of containers'])
    facts.discovery = () => ({ trouble, warnings: [] })
    expect(awaited.picture()).toEqual(['nothing listens there'])
  })

  test.each<[string, Partial<Facts>, boolean]>([
    ['what managers know of the services', { swarmState: () => undefined }, true],
    ['what the other agents have', { synced: () => false }, true],
    ['the first look at each container', { probed: () => false }, false],
  ])('%s is awaited for half a minute', async (what, lacking, inPicture) => {
    Object.assign(facts, lacking)
    const awaited = createAwaited(facts)
    await clock.pass(30_000)
    expect(awaited.list()).toEqual([what])
    expect(awaited.picture()).toEqual(inPicture ? [what] : [])
    await clock.pass(1)
    expect([awaited.picture(), awaited.list()]).toEqual([[], []])
  })

  test('what comes to be missing later, as where the node joins a Swarm, is not awaited', () => {
    Object.assign(facts, { self: () => self('n1', { swarm: false }), swarmState: () => undefined })
    const awaited = createAwaited(facts)
    expect(awaited.list()).toEqual([])
    facts.self = () => self('n1', { swarm: true })
    expect([awaited.picture(), awaited.list()]).toEqual([[], []])
  })

  test('outside a Swarm nobody waits for managers', () => {
    Object.assign(facts, { self: () => self('n1', { swarm: false }), swarmState: () => undefined })
    expect(createAwaited(facts).list()).toEqual([])
  })
})

test('that Docker went away is told once the node was known; before that it is awaited', () => {
  expect(unheard(facts)).toEqual([])
  facts.discovery = () => ({ trouble, warnings: [] })
  expect(unheard(facts)).toEqual(['nothing listens there'])
  facts.self = () => undefined
  expect(unheard(facts)).toEqual([])
})
