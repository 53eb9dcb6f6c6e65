// The judge is judged: it must object to each kind of wrong answer, and to no right one.

import { beforeEach, describe, expect, test } from 'vitest'
import type { Agent } from './agent.ts'
import type { Container } from './containers.ts'
import { createOracle, type Exchange, type Oracle } from './oracle.ts'
import { intended } from './play.ts'
import { startProcess } from './process.ts'
import { createRandom } from './random.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'
import type { Response } from './web.ts'
import { createWorld, type Machine, replicaPlace, type World } from './world.ts'

let scheduler: Scheduler
let world: World
let machine: Machine
let container: Container
let oracle: Oracle

beforeEach(async () => {
  scheduler = createScheduler()
  world = createWorld(scheduler, createRandom('oracle'))
  machine = world.addMachine('m1', member)
  container = world.run(machine, 'db', { kind: 'standalone' })
  oracle = createOracle(world, scheduler.now, intended)
  await scheduler.passUntil(60_000)
})

const agent = {}
const member = { swarm: true, manager: true }
const path = '/db/host1/metrics'

function serve(response: Partial<Response>, more: Partial<Exchange> = {}): void {
  const now = scheduler.now()
  oracle.check({
    ...{ agent, agentName: 'm1', startedAt: 0, path, requestedAt: now, answeredAt: now, informedAt: now },
    ...{ outsideSince: Number.POSITIVE_INFINITY, knownUntil: () => now, areLinkedSince: () => true, ...more },
    response: { status: 200, age: undefined, body: '', ...response },
  })
}

async function said(from = container): Promise<string> {
  const process = startProcess(scheduler, { offset: 0, rate: 1, lateMs: 0 }, createRandom('process'))
  let text = ''
  void from.scrape(process, 1000).then((given) => {
    text = given
  })
  await scheduler.passUntil(scheduler.now() + 5)
  return text
}

const rules = () => oracle.violations.map(({ rule }) => rule)

test('what the container says now is right, and so is any failure', async () => {
  serve({ body: await said() })
  serve({ status: 502, body: 'whatever' })
  expect(rules()).toEqual([])
})

test('what it said before its text changed is too old without Age, and right with it', async () => {
  const body = await said()
  container.change(1)
  await scheduler.passUntil(scheduler.now() + 2000)
  serve({ body, age: 2 })
  expect(rules()).toEqual([])
  serve({ body })
  serve({ body, age: 1 })
  expect(rules()).toEqual(['old', 'stale'])
})

test('nothing is served of a container that stopped longer ago than STALE_AFTER', async () => {
  const body = await said()
  container.stop(1)
  await scheduler.passUntil(scheduler.now() + intended.staleAfterMs - 1000)
  serve({ body, age: 14 })
  expect(rules()).toEqual([])
  await scheduler.passUntil(scheduler.now() + 2000)
  serve({ body, age: 16 })
  expect(rules()).toEqual(['stale'])
})

test('a text that it never said, and one of another container, are wrong', async () => {
  const other = world.run(machine, 'cache', { kind: 'standalone' })
  serve({ body: (await said()).replace('said{', 'said{more="",') })
  serve({ body: await said(other) })
  serve({ body: '' })
  expect(rules()).toEqual(['never said', 'never said', 'never said'])
})

test('whoever has been served a newer text is not served an older one', async () => {
  const before = await said()
  container.change(1)
  await scheduler.passUntil(scheduler.now() + 100)
  serve({ body: await said() })
  await scheduler.passUntil(scheduler.now() + 100)
  serve({ body: before, age: 1 })
  expect(rules()).toEqual(['back in time'])
})

test('each replica on a service’s page is judged by itself', async () => {
  const replica = world.run(machine, 'demo_web.1.t', replicaPlace('1', 't'))
  const line = /^said\{.*$/m.exec(await said(replica))![0].replace('{', '{slot="1",')
  const up = (slot: string) => `app_metrics_proxy_replica_up{slot="${slot}"} 1\n`
  serve({ body: `${line}\n${up('1')}` }, { path: '/demo_web/metrics' })
  expect(rules()).toEqual([])
  serve({ body: `${line}\n${up('1')}${up('2')}` }, { path: '/demo_web/metrics' })
  expect(rules()).toEqual(['never said'])
  replica.stop(0)
  await scheduler.passUntil(scheduler.now() + 1000)
  serve({ body: `${line}\n${up('1')}` }, { path: '/demo_web/metrics' })
  expect(rules()).toEqual(['never said', 'old'])
})

describe('of two containers of a slot', () => {
  let nodes: readonly [Machine, Machine]
  let replicas: readonly [Container, Container]
  const [older, newer] = [0, 1]

  beforeEach(async () => {
    nodes = [world.addMachine('m2', member), world.addMachine('m3', member)]
    const [first, second] = nodes
    const one = world.run(first, 'demo_web.1.t1', replicaPlace('1', 't1'))
    await scheduler.passUntil(61_000)
    replicas = [one, world.run(second, 'demo_web.1.t2', replicaPlace('1', 't2'))]
    await scheduler.passUntil(62_000)
  })

  async function show(which: number, more: Partial<Exchange> = {}): Promise<void> {
    const body = await said(replicas[which])
    serve({ body }, { path: '/demo_web/1/metrics', ...more })
  }

  test('the newer one follows the older one', async () => {
    await show(older)
    await show(newer)
    expect(rules()).toEqual([])
  })

  const restarted = { agent: {} }
  test.each<readonly [string, Partial<Exchange>]>([
    ['', {}],
    [', though the newer one’s node is lost', { areLinkedSince: () => false }],
    [', nor after a restart of the agent', restarted],
    [', nor on the service’s page', { path: '/demo_web/metrics' }],
  ])('the older one does not follow the newer one%s', async (_, more) => {
    await show(newer)
    const body = await said(replicas[older])
    const page = `${body.replace('said{', 'said{slot="1",')}app_metrics_proxy_replica_up{slot="1"} 1\n`
    serve({ body: more.path ? page : body }, { path: '/demo_web/1/metrics', ...more })
    expect(rules()).toEqual(['older replica'])
  })

  test('the older one does not follow the newer one, though that does not respond', async () => {
    await show(newer)
    replicas[newer]!.behave('hangs')
    await show(older)
    expect(rules()).toEqual(['older replica'])
  })

  test.each<readonly [string, (() => void) | undefined, Partial<Exchange>]>([
    ['that has stopped', () => replicas[newer]!.stop(1), {}],
    ['that has stopped and started since', () => [replicas[newer]!.stop(1), replicas[newer]!.start()], {}],
    ['of which the managers have not informed the agent', undefined, { informedAt: 60_500 }],
    ['of which the agent has not known since its restart', undefined, { ...restarted, knownUntil: () => 0 }],
    ['that was served to a request after this one', undefined, { requestedAt: 61_900 }],
    ['whose machine has a copy', () => world.cloneMachine('m4', nodes[newer]!), {}],
    ['whose machine was restored', () => oracle.wasRestored(nodes[newer]!, false), {}],
    ['and the agent was restored', () => oracle.wasRestored(machine, false), {}],
    [
      'that has no metrics when its agent starts',
      () => {
        replicas[newer]!.behave('hangs')
        nodes[newer]!.agent = {} as Agent
      },
      {},
    ],
  ])('the older one may follow a newer one %s', async (_, happen, more) => {
    await show(newer)
    await scheduler.passUntil(scheduler.now() + 1000)
    happen?.()
    await show(older, more)
    expect(rules()).toEqual([])
  })

  test('the older one stays once it has followed for a reason', async () => {
    await show(newer)
    await show(older, { informedAt: 0, areLinkedSince: () => false })
    await show(older)
    expect(rules()).toEqual([])
  })

  test.each([
    ['is not left for one that was served before', true, ['older replica']],
    ['may be left once its node was lost', false, []],
  ])('without managers the one that is served %s', async (_, isLinked, wrong) => {
    world.leave(machine)
    const outside = { outsideSince: 0, informedAt: 0, areLinkedSince: () => isLinked }
    await show(newer, outside)
    await show(older, outside)
    expect(rules()).toEqual([])
    await show(newer, outside)
    expect(rules()).toEqual(wrong)
  })

  test('the order that the managers gave is not known any more once the agent’s node has left the Swarm', async () => {
    await show(older)
    await show(newer)
    await show(older, { outsideSince: scheduler.now() + 1 })
    expect(rules()).toEqual([])
  })
})
