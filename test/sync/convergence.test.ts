// Whole clusters on virtual time: whatever happens to wires, agents and containers, once all is well again
// every agent believes the same, and what each owner says of itself.

import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { scaled } from '../helpers/limits.ts'
import { type Cluster, createCluster } from './cluster.ts'

vi.setConfig({ testTimeout: scaled(120_000) })

type Event =
  | { readonly kind: 'show' | 'fail' | 'run' | 'restart'; readonly at: number; readonly value: number }
  | { readonly kind: 'cut' | 'heal' | 'reset' | 'slow'; readonly at: number; readonly value: number }
  | { readonly kind: 'part'; readonly at: number; readonly value: number }
  | { readonly kind: 'pass'; readonly at: number; readonly value: number }

const event = fc.record({
  kind: fc.constantFrom(
    ...([
      'show',
      'show',
      'show',
      'fail',
      'run',
      'restart',
      'cut',
      'heal',
      'reset',
      'slow',
      'part',
      'pass',
    ] as const),
  ),
  at: fc.nat(1000),
  value: fc.nat(5000),
}) as fc.Arbitrary<Event>

const page = (value: number) =>
  Array.from({ length: 12 }, (_, n) => `metric_${n} ${n === value % 12 ? value : 0}`).join('\n')

async function happen(cluster: Cluster, hosts: readonly string[], { kind, at, value }: Event): Promise<void> {
  const host = hosts[at % hosts.length]!
  const other = hosts[(at + 1 + (value % (hosts.length - 1))) % hosts.length]!
  const agent = cluster.agents.get(host)!
  const wire = cluster.network.wire(host, other)
  const [id = 'none'] = [...agent.store.ownNode.entries()].map(({ entry }) => entry.target.id)
  switch (kind) {
    case 'show':
      return agent.show(id, page(value))
    case 'fail':
      return agent.fail(id)
    case 'run':
      return agent.run(...['a', 'b', 'c'].slice(0, value % 4).map((name) => `${name}-${value % 2}`))
    case 'restart':
      await cluster.kill(host)
      cluster.start(host, { skew: value * 1e6 }).run('a-0')
      return
    case 'cut':
      wire.cut = true
      return
    case 'heal':
      wire.cut = false
      return
    case 'reset':
      return cluster.network.reset(host, other)
    case 'slow':
      wire.delay = value % 400
      return
    case 'part':
      for (const [n, one] of hosts.entries())
        for (const [m, two] of hosts.entries())
          if (n < m) cluster.network.wire(one, two).cut = (n + at) % 2 !== (m + at) % 2
      return
    case 'pass':
      return cluster.clock.pass(value)
  }
}

function healAll(cluster: Cluster, hosts: readonly string[]): void {
  for (const one of hosts)
    for (const two of hosts) Object.assign(cluster.network.wire(one, two), { cut: false, delay: 1 })
}

function expectAgreement(cluster: Cluster, hosts: readonly string[]): void {
  const first = cluster.view(hosts[0]!)
  for (const host of hosts.slice(1)) expect(cluster.view(host)).toEqual(first)
}

async function live(size: number, events: readonly Event[], heal: number): Promise<Cluster> {
  const hosts = Array.from({ length: size }, (_, n) => `n${n + 10}`)
  const cluster = createCluster(hosts)
  try {
    for (const host of hosts) cluster.start(host).run('a-0')
    await cluster.clock.pass(1000)
    for (const one of events) {
      await happen(cluster, hosts, one)
      await cluster.clock.pass(50)
    }
    healAll(cluster, hosts)
    await cluster.clock.pass(heal)
    expectAgreement(cluster, hosts)
    for (const host of hosts) expect(cluster.agents.get(host)!.mesh.isComplete()).toBe(true)
    for (const [n, one] of hosts.entries())
      for (const two of hosts.slice(n + 1)) expect(cluster.network.links(one, two)).toBe(1)
    return cluster
  } finally {
    for (const host of [...cluster.agents.keys()]) await cluster.kill(host)
  }
}

test('small clusters agree within 20 s after any sequence of events', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 3, max: 6 }),
      fc.array(event, { maxLength: 40 }),
      async (size, events) => {
        await live(size, events, 20_000)
      },
    ),
    { numRuns: 25 },
  )
})

test('a cluster of 30 does', async () => {
  const [events] = fc.sample(fc.array(event, { minLength: 60, maxLength: 60 }), { numRuns: 1, seed: 1 })
  await live(30, events!, 20_000)
})

test('a cluster of 100 does', async () => {
  const [events] = fc.sample(fc.array(event, { minLength: 6, maxLength: 6 }), { numRuns: 1, seed: 2 })
  await live(100, events!, 8000)
})
