// The judge is judged: it must object to each kind of wrong answer, and to no right one.

import { beforeEach, expect, test } from 'vitest'
import type { Container } from './containers.ts'
import { createOracle, type Oracle } from './oracle.ts'
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
  machine = world.addMachine('m1', { swarm: true, manager: true })
  container = world.run(machine, 'db', { kind: 'standalone' })
  oracle = createOracle(world, scheduler.now, intended)
  await scheduler.passUntil(60_000)
})

const agent = {}
const path = '/db/host1/metrics'

function serve(response: Partial<Response>, more: { path?: string; requestedAt?: number } = {}): void {
  const now = scheduler.now()
  oracle.check({
    ...{ agent, agentName: 'm1', path, requestedAt: now, answeredAt: now, informedAt: now, ...more },
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
