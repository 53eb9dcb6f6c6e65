// Whole agents, whose nodes join and leave a Swarm while they run: real scrapes and real links, and an engine that says
// what the test wants it to.

import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Agent, startAgent } from '../../src/agent/agent.ts'
import { systemClock as clock } from '../../src/clock.ts'
import { readConfig } from '../../src/config/config.ts'
import type { ApiInfo } from '../../src/discover/docker-api.ts'
import { readProc } from '../../src/discover/own-container.ts'
import { createLog } from '../../src/logging/log.ts'
import { type EngineServer, startEngineServer } from '../discover/engine-server.ts'
import { node as recorded } from '../discover/recorded.ts'
import { scaled } from '../helpers/limits.ts'
import { freePort } from '../helpers/ports.ts'
import { httpServer } from '../helpers/server.ts'
import { until } from '../helpers/until.ts'

vi.setConfig({ testTimeout: scaled(60_000) })

interface Node {
  readonly name: string
  readonly url: string
  readonly engine: EngineServer
}

const cleanUp: (() => PromiseLike<unknown>)[] = []
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end()
})

let said = 0
/** What keeps containers from answering, and how many requests wait for it. */
let hold: Promise<unknown> = Promise.resolve()
let waiting = 0

/** A container on the host's network that counts how often it is read. */
async function container(name: string, id: string) {
  const server = await httpServer(async (_, response) => {
    waiting += 1
    await hold
    waiting -= 1
    response.end(`said_by_${name} ${++said}\n`)
  })
  cleanUp.push(() => server[Symbol.asyncDispose]())
  return host(id, name, { 'prometheus.port': String(server.port) })
}

const host = (id: string, name: string, Labels: Readonly<Record<string, string>>) => ({
  ...recorded.containers.find(({ Names }) => Names?.[0] === '/hosty')!,
  ...{ Id: id.repeat(64).slice(0, 64), Names: [`/${name}`], Labels },
})

async function start(name: string, sshPort: number, peers: readonly number[]): Promise<Node> {
  const engine = await startEngineServer()
  cleanUp.push(() => engine[Symbol.asyncDispose]())
  const [own] = (await readProc()).ids
  engine.answers['/info'] = infoOf(name)
  engine.answers['/containers/json'] = [
    await container(`app_${name}`, name === 'a' ? 'a' : 'b'),
    ...(own === undefined ? [] : [host(own, 'agent', {})]),
  ]
  const nodes = [{ ID: `swarm-${name}` }]
  Object.assign(engine.answers, { '/services': [], '/tasks': [], '/nodes': nodes })
  const environment = {
    DOCKER_HOST: engine.host,
    SSHPASS: 'a secret that is long enough',
    SSH_PORT: String(sshPort),
    PEERS: peers.map((port) => `127.0.0.1:${port}`).join(','),
    SCRAPE_INTERVAL: '3600',
    MAX_AGE: '0',
  }
  const config = { ...readConfig(environment), listenPort: 0 }
  const app: Agent = await startAgent({ config, clock, log: createLog('silent'), version: 'test' })
  cleanUp.push(() => app.stop())
  return { name, engine, url: `http://127.0.0.1:${app.port}` }
}

const infoOf = (name: string, Swarm: ApiInfo['Swarm'] = { LocalNodeState: 'inactive' }): ApiInfo => ({
  ...{ ID: `engine-${name}`, Name: `host-${name}`, Swarm },
})
const swarmOf = (name: string, manager: boolean): ApiInfo['Swarm'] => ({
  ...{ LocalNodeState: 'active', NodeID: `swarm-${name}`, NodeAddr: '127.0.0.1', ControlAvailable: manager },
  ...(manager && { Cluster: { ID: 'the-swarm' } }),
})

/** What the engine says of itself from now on; its event stream breaks, so that it is read at once. */
function become({ name, engine }: Node, Swarm?: ApiInfo['Swarm']): void {
  engine.answers['/info'] = infoOf(name, Swarm)
  engine.cutStreams()
}

const get = async ({ url }: Node, path: string) => {
  const response = await fetch(url + path)
  return { status: response.status, text: await response.text(), age: response.headers.get('age') }
}

interface Status {
  readonly nodes: readonly { readonly id: string }[]
}
const nodesOf = async ({ url }: Node) => {
  const response = await fetch(url, { headers: { accept: 'application/json' } })
  return ((await response.json()) as Status).nodes.map(({ id }) => id).sort()
}

/** The instances that `/sd` lists, but those of the agents themselves. */
const instancesOf = async (node: Node) => {
  const { text } = await get(node, '/sd')
  const targets = JSON.parse(text) as { labels: { instance: string } }[]
  return targets.map(({ labels }) => labels.instance).filter((instance) => instance.includes('app_'))
}

/** Asks for every container at every node, and compares what is served as live with what the containers said. */
async function look(nodes: readonly Node[]): Promise<void> {
  for (const node of nodes) {
    for (const of of nodes) {
      const from = said
      const { status, text, age } = await get(node, `/app_${of.name}/metrics`)
      const value = Number(/^said_by_app_. (\d+)\n$/.exec(text)?.[1])
      expect([node.name, of.name, status, text]).toEqual([
        node.name,
        of.name,
        200,
        expect.stringMatching(/^said_by/),
      ])
      // while links are made anew, a peer may have to serve what it has; it says so
      if (age === null) expect(value).toBeGreaterThan(from)
      else expect(of).not.toBe(node)
    }
    expect(await instancesOf(node)).toEqual(['app_a@host-a', 'app_b@host-b'])
    expect((await get(node, '/-/ready')).status).toBe(200)
  }
}

/** Looks again and again until all know these nodes, and no other; each look counts. */
async function lookUntil(nodes: readonly Node[], ids: readonly string[]): Promise<void> {
  const knows = async (node: Node) => JSON.stringify(await nodesOf(node)) === JSON.stringify(ids)
  let failure: unknown
  await until(`the nodes ${ids.join(', ')}, known to all`, async () => {
    // `until` would ask again
    await look(nodes).catch((error) => (failure ??= error))
    return failure !== undefined || (await Promise.all(nodes.map(knows))).every(Boolean)
  })
  if (failure) throw failure
  for (const node of nodes)
    for (const { name } of nodes)
      await until('live metrics', async () => (await get(node, `/app_${name}/metrics`)).age === null)
  await look(nodes)
}

async function two(): Promise<readonly [Node, Node]> {
  const ports = [await freePort(), await freePort()] as const
  const [a, b] = [await start('a', ports[0], [ports[1]]), await start('b', ports[1], [ports[0]])]
  for (const node of [a, b])
    await until('all containers in the list', async () => (await instancesOf(node)).length === 2)
  await lookUntil([a, b], ['engine-a', 'engine-b'])
  return [a, b]
}

describe('a node that joins or leaves a Swarm while its agent runs', () => {
  test('keeps its containers, on every node and at every moment, under one id at a time', async () => {
    const [a, b] = await two()
    become(a, swarmOf('a', true))
    await lookUntil([a, b], ['engine-b', 'swarm-a'])
    become(b, swarmOf('b', false))
    await lookUntil([a, b], ['swarm-a', 'swarm-b'])
    become(b, swarmOf('b', true))
    become(a, swarmOf('a', false))
    await lookUntil([a, b], ['swarm-a', 'swarm-b'])
    become(b)
    await lookUntil([a, b], ['engine-b', 'swarm-a'])
    become(a)
    await lookUntil([a, b], ['engine-a', 'engine-b'])
  })

  test('answers also what was requested under its former id', async () => {
    const [a, b] = await two()
    const held = Promise.withResolvers<void>()
    hold = held.promise
    const answers = [a, b].map((node) => get(node, '/app_a/metrics'))
    await until('a request to wait for the container', () => waiting > 0)
    become(a, swarmOf('a', true))
    await until('the new id', async () => (await nodesOf(b)).includes('swarm-a'))
    held.resolve()
    const [own, other] = await Promise.all(answers)
    expect(own).toMatchObject({ status: 200, age: null, text: expect.stringMatching(/^said_by_app_a/) })
    expect(other!.status).toBe(200)
  })
})
