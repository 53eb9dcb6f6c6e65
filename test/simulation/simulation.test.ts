// Some random clusters, each time the same ones; `npm run simulate` plays as many as one likes.

import { expect, test } from 'vitest'
import { createScenario } from './generate.ts'
import { play } from './play.ts'
import type { Event, MachineSetup, Scenario } from './scenario.ts'
import { shrink } from './shrink.ts'

test.each(Array.from({ length: 12 }, (_, at) => at + 1))(
  'whatever happens in scenario %i, agents serve what the containers said',
  async (seed) => {
    const { violations, pages } = await play(createScenario(seed, 200))
    expect(violations).toEqual([])
    expect(pages).toBeGreaterThan(0)
  },
)

const machine = (name: string): MachineSetup => ({
  ...{ name, swarm: true, manager: true, twoAddresses: false, lateMs: 0, fastPpm: 0 },
})
const scenarioOf = (...events: readonly Event[]): Scenario => ({
  ...{ seed: 'by hand', machines: [machine('m1'), machine('m2')], events },
})

const askedAt = (...times: readonly number[]): readonly Event[] =>
  times.flatMap((at) =>
    ['/cache/host2/metrics', '/db/host2/metrics', '/demo_glob/host2/metrics'].map((path) => ({
      ...{ at, kind: 'ask', machine: 'm1', path, timeoutMs: 5000 },
    })),
  )

/** What random scenarios found, cut down to the events that it takes. */
const found: readonly (readonly [string, readonly Event[]])[] = [
  [
    'a node leaves the Swarm and joins it again',
    [
      { at: 100, kind: 'leave', machine: 'm2' },
      { at: 200, kind: 'join', machine: 'm2' },
    ],
  ],
  [
    'a node leaves the Swarm while its agent restarts',
    [
      { at: 3000, kind: 'cut', a: 'm1', b: 'm2', forMs: 1500 },
      { at: 3100, kind: 'leave', machine: 'm2' },
      { at: 3200, kind: 'restart', machine: 'm2', downMs: 3000 },
    ],
  ],
  [
    'another machine had the id that a node gets again',
    [
      { at: 100, kind: 'leave', machine: 'm2' },
      { at: 200, kind: 'clone', machine: 'm2', forMs: 300, silently: false, together: false },
      { at: 300, kind: 'join', machine: 'm2' },
      { at: 19_400, kind: 'leave', machine: 'm2' },
      { at: 45_000, kind: 'ask', machine: 'all', path: '/cache/metrics', timeoutMs: 5000 },
    ],
  ],
  [
    'a machine is restored to a snapshot, its agent’s process included',
    [
      {
        at: 3000,
        kind: 'snapshot',
        machine: 'm2',
        isCopied: false,
        forMs: 9000,
        silently: false,
        stopsClock: true,
      },
      ...askedAt(11_000, 12_500, 13_500),
    ],
  ],
  [
    'a copy of a running machine runs beside it',
    [
      {
        at: 3000,
        kind: 'snapshot',
        machine: 'm2',
        isCopied: true,
        forMs: 9000,
        silently: false,
        stopsClock: false,
      },
      ...askedAt(4000, 5000, 6000, 7000, 8000, 9000, 10_000),
    ],
  ],
]

test.each(found)('agents serve what the containers said: %s', async (_, events) => {
  const { violations } = await play(scenarioOf(...events))
  expect(violations).toEqual([])
})

test('the same seed gives the same responses at the same times', async () => {
  const outcomes = [await play(createScenario(7, 200)), await play(createScenario(7, 200))]
  expect(outcomes[0]).toEqual(outcomes[1])
  expect(outcomes[0]!.trace).not.toBe((await play(createScenario(8, 200))).trace)
})

// by both agents: two standalone containers and a global task a machine, three replicas
test.each([
  ['by hand', 2 * (2 * 3 + 3)],
  // in which all but one of the standalone containers have a second endpoint
  ['with two endpoints', 2 * (2 * (2 + 1 + 2) + 3 * 2)],
])('agents that are left alone agree, and serve every container live: seed %s', async (seed, served) => {
  const { violations, pages } = await play({ ...scenarioOf(), seed })
  expect(violations).toEqual([])
  expect(pages).toBe(served)
})

test('a failing scenario is cut down to the events that it takes', async () => {
  const failing: Event = { at: 4000, kind: 'demote', machine: 'm1' }
  const noise = createScenario(3, 40).events.filter(({ kind }) => kind !== 'demote')
  const run = async ({ events }: Scenario) => ({
    ...{ responses: 0, pages: 0, steps: 0, trace: 0 },
    violations: events.some(({ kind }) => kind === 'demote')
      ? [{ rule: 'apart' as const, at: 0, text: '', signature: 'apart' }]
      : [],
  })
  const { events } = await shrink(scenarioOf(...noise.slice(0, 20), failing, ...noise.slice(20)), 'apart', {
    run,
  })
  expect(events).toEqual([{ ...failing, at: 100 }])
})
