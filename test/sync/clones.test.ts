// A second agent with the same node id comes and goes: what is served as live is what a container says now, all the
// time, and once only one of them is left everybody serves its containers again within seconds.

import { afterEach, describe, expect, test } from 'vitest'
import { bodyOf } from '../../src/sync/codec.ts'
import { createReader } from '../../src/web/reader.ts'
import { type Agent, type Cluster, createCluster } from './cluster.ts'

const id = 'a'
let cluster: Cluster
/** What the container of each host says now. */
let content: Map<string, string>
afterEach(async () => {
  for (const host of [...cluster.agents.keys()]) await cluster.kill(host)
})

function start(host: string, node = host): Agent {
  const agent = cluster.start(host, {
    self: { node, hostname: host },
    refreshOwn: async (agent, id) => agent.show(id, content.get(host)!),
  })
  content.set(host, `said_by{host="${host}"} 0\n`)
  agent.run(id)
  agent.show(id, content.get(host)!)
  return agent
}

/** The containers say something else from now on. */
function change(round: number): void {
  for (const host of content.keys()) content.set(host, `said_by{host="${host}"} ${round}\n`)
}

/** As an agent answers a request for the container of that node. */
async function answer(agent: Agent, node: string): Promise<string> {
  const { store, mesh, clock } = agent
  const reader = createReader({
    clock,
    staleAfterMs: 30_000,
    store,
    maxAgeMsOf: () => 0,
    async refresh({ owner }, timeoutMs) {
      if (owner === agent.node) agent.show(id, content.get(agent.host)!)
      else await mesh.refresh(owner, id, timeoutMs)
    },
  })
  const entry = store.entry(node, id)
  if (!entry) return 'no entry'
  const reading = await reader.read(entry, 500)
  if ('failure' in reading) return reading.failure.code
  const { page, isCached } = reading.result
  return isCached ? 'with Age' : Buffer.from(bodyOf(page)).toString()
}

/** Asks every agent but those of the node itself; returns what they answered. */
async function askAll(round: number): Promise<readonly string[]> {
  change(round)
  const others = [...cluster.agents.values()].filter(({ node }) => node !== 'n1')
  const answers = Promise.all(others.map((agent) => answer(agent, 'n1')))
  await cluster.clock.pass(600)
  for (const one of await answers) if (one.startsWith('said_by')) expect([...content.values()]).toContain(one)
  return answers
}

/** Time passes, and all get requests again and again. */
async function watch(ms: number): Promise<readonly string[]> {
  const end = cluster.clock.now() + ms
  let answers: readonly string[] = []
  while (cluster.clock.now() < end) answers = await askAll(cluster.clock.now())
  return answers
}

async function leave(host: string): Promise<void> {
  content.delete(host)
  await cluster.kill(host)
}

async function expectHealed(host = 'n1'): Promise<void> {
  const answers = await watch(20_000)
  expect(answers).toEqual([...answers].fill(content.get(host)!))
  expect(answers.length).toBeGreaterThan(1)
}

function begin(): void {
  content = new Map()
  cluster = createCluster(['n1', 'twin', 'n2', 'n3'])
}

const stays = [
  ['before anybody is sure', 1000],
  ['once it is known that the id is claimed twice', 6000],
] as const

describe.each(stays)('a clone that goes %s', (_, stay) => {
  test('having come to a cluster that runs', async () => {
    begin()
    for (const host of ['n1', 'n2', 'n3']) start(host)
    await watch(3000)
    start('twin', 'n1')
    await watch(stay)
    await leave('twin')
    await expectHealed()
  })

  test('having been there first', async () => {
    begin()
    for (const host of ['n2', 'n3']) start(host)
    start('twin', 'n1')
    await watch(3000)
    start('n1')
    await watch(stay)
    await leave('twin')
    await expectHealed()
  })

  test('having come at the same instant', async () => {
    begin()
    for (const host of ['n1', 'twin', 'n2', 'n3']) start(host, host === 'twin' ? 'n1' : host)
    await watch(stay)
    await leave('twin')
    await expectHealed()
  })

  test('without containers of its own', async () => {
    begin()
    for (const host of ['n1', 'n2', 'n3']) start(host)
    await watch(3000)
    start('twin', 'n1').run()
    await watch(stay)
    await leave('twin')
    await expectHealed()
  })

  test('without having sent that it is complete', async () => {
    begin()
    for (const host of ['n1', 'n2', 'n3']) start(host)
    await watch(3000)
    cluster.start('twin', { self: { node: 'n1' }, whole: false })
    await watch(stay)
    await leave('twin')
    await expectHealed()
  })

  test('while the owner restarts', async () => {
    begin()
    for (const host of ['n1', 'n2', 'n3']) start(host)
    await watch(3000)
    start('twin', 'n1')
    await watch(stay / 2)
    await leave('n1')
    start('n1')
    await watch(stay / 2)
    await leave('twin')
    await expectHealed()
  })

  test('and leaves a restarted owner behind that was gone meanwhile', async () => {
    begin()
    for (const host of ['n1', 'n2', 'n3']) start(host)
    await watch(3000)
    start('twin', 'n1')
    await watch(stay)
    await leave('n1')
    await leave('twin')
    await watch(2000)
    start('n1')
    await expectHealed()
  })
})

test('a clone that comes and goes again and again', async () => {
  begin()
  for (const host of ['n1', 'n2', 'n3']) start(host)
  for (let round = 0; round < 5; round += 1) {
    await watch(1200)
    start('twin', 'n1')
    await watch(1200)
    await leave('twin')
  }
  await expectHealed()
})
