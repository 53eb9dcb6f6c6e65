// The load of one agent in a large cluster: one real agent (mesh and store) linked with many others, each with
// containers of its own, on virtual time and an in-memory network. The others know only this one, so that a thousand
// fit into one process; the one in the middle does what every agent of a full mesh does. Also: the cost of a real
// handshake. `npm run scale -- [containers per node] [nodes …]`

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { deriveKeys } from '../src/sync/keys.ts'
import { createSsh } from '../src/sync/ssh.ts'
import { type Cluster, createCluster } from '../test/sync/cluster.ts'

const middle = 'n0'
const text = (node: number, container: number, round: number) =>
  Array.from(
    { length: 30 },
    (_, n) => `metric_${n}{a="${node}-${container}"} ${n % 5 === 0 ? n * round : n}`,
  ).join('\n')

interface Point {
  readonly nodes: number
  /** Of virtual time, until the one in the middle holds everything. */
  readonly converged: number
  /** CPU seconds of the process until then: the others' work included. */
  readonly joinCpu: number
  /** Bytes of heap for each container that is held, its small page included. */
  readonly heap: number
  /** Of an idle cluster: messages' bytes a second, in both directions; CPU milliseconds a second, all agents. */
  readonly idleBytes: number
  readonly idleCpu: number
  /** Every container has a new page: CPU milliseconds a page, at both ends, and bytes. */
  readonly updateCpu: number
  readonly updateBytes: number
}

async function simulate(nodes: number, containers: number): Promise<Point> {
  const cluster = createCluster([middle])
  const heapBefore = heap()
  cluster.start(middle, { addresses: [] })
  const others = Array.from({ length: nodes - 1 }, (_, n) => `n${n + 1}`)
  const ids = (n: number) => Array.from({ length: containers }, (_, at) => `${n}-${at}`)
  const bytes = () =>
    cluster.agents
      .get(middle)!
      .mesh.peers()
      .reduce((sum, { sentBytes, receivedBytes }) => sum + sentBytes + receivedBytes, 0)
  const showAll = (round: number) => {
    for (const [n, host] of others.entries())
      for (const [at, id] of ids(n).entries()) cluster.agents.get(host)!.show(id, text(n, at, round))
  }
  let cpu = stopwatch()
  for (const [n, host] of others.entries()) cluster.start(host, { addresses: [middle] }).run(...ids(n))
  showAll(1)
  const began = cluster.clock.now()
  while (held(cluster) < others.length * containers) await cluster.clock.pass(50)
  const converged = cluster.clock.now() - began
  const joinCpu = cpu() / 1000
  const heapAfter = heap()
  await cluster.clock.pass(3000)

  let before = bytes()
  cpu = stopwatch()
  await cluster.clock.pass(3000)
  const idleCpu = cpu() / 3
  const idleBytes = (bytes() - before) / 3

  before = bytes()
  cpu = stopwatch()
  showAll(2)
  await cluster.clock.pass(200)
  const pages = others.length * containers
  const found = { updateCpu: cpu() / pages, updateBytes: (bytes() - before) / pages }
  for (const agent of cluster.agents.values()) void agent.stop()
  await cluster.clock.pass(2000)
  return { nodes, converged, joinCpu, heap: (heapAfter - heapBefore) / pages, idleBytes, idleCpu, ...found }
}

function held(cluster: Cluster): number {
  let count = 0
  for (const { snapshot } of cluster.agents.get(middle)!.store.entries()) if (snapshot) count += 1
  return count
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heap(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function stopwatch(): () => number {
  const before = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
}

/** CPU milliseconds of one SSH handshake, both ends together. */
async function handshake(times: number): Promise<number> {
  const ssh = createSsh([await deriveKeys('only for this simulation, on loopback')])
  const server = createServer({ noDelay: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const never = new AbortController().signal
  const one = async () => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const [taken] = (await once(server, 'connection')) as [Socket]
    await Promise.all([ssh.answer(taken, never), ssh.call(socket, 'loopback', never)])
    socket.destroy()
    taken.destroy()
  }
  for (let n = 0; n < 20; n += 1) await one()
  const cpu = stopwatch()
  for (let n = 0; n < times; n += 1) await one()
  server.close()
  return cpu() / times
}

const [containers = 100, ...given] = process.argv.slice(2).map(Number)
console.log(`SSH handshake, both ends: ${(await handshake(100)).toFixed(1)} ms of CPU`)
console.log(
  '| nodes | containers | time until synced, s | CPU until synced, s | heap per container, KB | idle traffic, KB/s | idle CPU, ms/s | CPU per update, µs | bytes per update |',
)
console.log('| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |')
for (const nodes of given.length > 0 ? given : [10, 30, 100, 300, 1000]) {
  const found = await simulate(nodes, containers)
  const cells = [
    nodes,
    nodes * containers,
    (found.converged / 1000).toFixed(2),
    found.joinCpu.toFixed(1),
    (found.heap / 1000).toFixed(1),
    (found.idleBytes / 1000).toFixed(1),
    found.idleCpu.toFixed(0),
    (found.updateCpu * 1000).toFixed(0),
    found.updateBytes.toFixed(0),
  ]
  console.log(`| ${cells.join(' | ')} |`)
}
process.exit()
