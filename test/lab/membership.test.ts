// Agents that run on their own, beside a Swarm which their nodes leave and join meanwhile.

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Status } from '../../src/status/shape.ts'
import { until } from '../helpers/until.ts'
import { ask, sampleOf } from './harness/ask.ts'
import { nodeExporterImage } from './harness/images.ts'
import { type Swarm, startSwarm } from './harness/lab.ts'
import type { Node } from './harness/node.ts'
import { productImage } from './harness/product.ts'

let swarm: Swarm
let nodes: readonly [Node, Node]

beforeAll(async () => {
  swarm = await startSwarm(2)
  nodes = swarm.nodes as [Node, Node]
  for (const node of nodes) {
    const peers = nodes.filter((other) => other !== node).map(({ address }) => `${address}:2140`)
    const env = [
      'DOCKER_HOST=unix:///host/docker.sock',
      'SSHPASS=a secret of this lab alone',
      `PEERS=${peers.join(',')}`,
    ].flatMap((one) => ['--env', one])
    const flags = ['--detach', '--network', 'host', '--volume', '/run:/host:ro', '--name', 'agent']
    await node.docker('run', ...flags, ...env, productImage)
    await node.docker('run', '--detach', '--name', `exporter-${node.name}`, nodeExporterImage)
  }
  for (const node of nodes)
    await until(`the containers of both at ${node.name}`, () => seesAll(node), { within: 120_000 })
})
afterAll(() => swarm?.stop())

const seesAll = async (node: Node) => (await instancesOf(node)).length === nodes.length

async function instancesOf(node: Node): Promise<readonly string[]> {
  const targets: { labels: { instance: string } }[] = JSON.parse((await ask(node.url('/sd'))).text)
  return targets.map(({ labels }) => labels.instance).filter((instance) => instance.startsWith('exporter'))
}

/** The nodes whose agents are known. Managers go on listing one that has left. */
async function idsAt(node: Node): Promise<readonly string[]> {
  const { text } = await ask(node.url('/'), { accept: 'application/json' })
  const known = (JSON.parse(text) as Status).nodes.filter(({ link }) => link !== 'none')
  return known.map(({ id }) => id).sort()
}

const idOf = (node: Node, format: string) => node.docker('info', '--format', `{{${format}}}`)

/** Every container at every node: served, and of now, unless it is said to be older. */
async function look(): Promise<void> {
  for (const node of nodes) {
    for (const { name } of nodes) {
      const requestedAt = Date.now() / 1000
      const { status, text, headers } = await ask(node.url(`/exporter-${name}/metrics`))
      expect([node.name, name, status]).toEqual([node.name, name, 200])
      const time = sampleOf(text, 'node_time_seconds')!
      if (!headers.has('age')) expect(time).toBeGreaterThan(requestedAt - 0.2)
    }
    expect(await instancesOf(node)).toEqual(nodes.map(({ name }) => `exporter-${name}@${name}`))
  }
}

async function lookUntilKnown(...ids: readonly string[]): Promise<void> {
  const wanted = JSON.stringify(ids.toSorted())
  let failure: unknown
  await until(
    `the nodes ${wanted}, known to both`,
    async () => {
      // `until` would ask again
      await look().catch((error) => (failure ??= error))
      const known = await Promise.all(nodes.map(idsAt))
      return failure !== undefined || known.every((one) => JSON.stringify(one) === wanted)
    },
    // without an event, Docker is read every half minute
    { within: 90_000 },
  )
  if (failure) throw failure
}

test('a node that leaves its Swarm and joins it again keeps its containers, on every node at every moment', async () => {
  const [manager, worker] = nodes
  const first = await idOf(manager, '.Swarm.NodeID')
  await lookUntilKnown(first, await idOf(worker, '.Swarm.NodeID'))
  await worker.docker('swarm', 'leave')
  await lookUntilKnown(first, await idOf(worker, '.ID'))
  const token = await manager.docker('swarm', 'join-token', '--quiet', 'worker')
  const to = ['--token', token, `${manager.address}:2377`]
  await worker.docker('swarm', 'join', '--advertise-addr', worker.address, ...to)
  await lookUntilKnown(first, await idOf(worker, '.Swarm.NodeID'))
})

test('so does the last manager', async () => {
  const [manager, worker] = nodes
  const last = await idOf(worker, '.Swarm.NodeID')
  await manager.docker('swarm', 'leave', '--force')
  await lookUntilKnown(await idOf(manager, '.ID'), last)
  await worker.docker('swarm', 'leave', '--force')
  await lookUntilKnown(await idOf(manager, '.ID'), await idOf(worker, '.ID'))
})
