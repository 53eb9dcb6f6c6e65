// Discovery in a real Swarm of a manager and a worker.

import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { SwarmService, SwarmState } from '../../../src/model.ts'
import { until } from '../../helpers/until.ts'
import { appImage } from '../harness/images.ts'
import { type Swarm, startSwarm, unlessMissing } from '../harness/lab.ts'
import type { Node } from '../harness/node.ts'
import { type Agent, agentCommand, agentFolders, inContainer, onHost } from './agent.ts'
import { type SocketProxy, startProxy } from './proxy.ts'

type HostAgent = Awaited<ReturnType<typeof onHost>>

const workerSections = ['containers', 'events', 'info', 'networks']
const managerSections = [...workerSections, 'services', 'tasks', 'nodes']

let swarm: Swarm
let manager: Node
let worker: Node
let proxies: SocketProxy[]
let onManager: HostAgent
let onWorker: HostAgent

beforeAll(async () => {
  swarm = await startSwarm(2, { product: false })
  ;[manager, worker] = swarm.nodes as [Node, Node]
  await manager.docker('network', 'create', '--driver', 'overlay', '--attachable', 'apps')
  // what may be requested of a node changes with its role: the worker's proxy is that of a later manager
  proxies = await Promise.all(swarm.nodes.map((node) => startProxy(node.socket, managerSections)))
  ;[onManager, onWorker] = (await Promise.all(proxies.map(({ host }) => onHost(host)))) as [
    HostAgent,
    HostAgent,
  ]
})
afterAll(async () => {
  await Promise.all([onManager?.stop(), onWorker?.stop()])
  await Promise.all((proxies ?? []).map((proxy) => proxy[Symbol.asyncDispose]()))
  await swarm?.stop()
})

const service = (name: string): SwarmService | undefined =>
  [...(onManager.found()?.swarmState?.services.values() ?? [])].find((one) => one.name === name)
const catalogued = (name: string, holds: (service: SwarmService) => boolean) =>
  until(`${name} in the swarmState as wanted`, () => {
    const found = service(name)
    return found && holds(found) && found
  })
/** Managers share their counts as peers, which these are not: each has begun its own. */
const withoutCounts = ({ failures, reschedules, ...rest }: SwarmState) => rest
const idOf = (node: Node) => node.docker('info', '--format', '{{.Swarm.NodeID}}')
const serve = (name: string, ...flags: string[]) =>
  swarm.serve(name, appImage, ['--network', 'apps', ...flags])
const tasksOf = (agent: Agent, name: string) =>
  agent.found()!.targets.filter(({ place }) => 'service' in place && place.service === name)

describe('who the agents are', () => {
  test('is known by the Swarm’s ids, the same on both sides', async () => {
    expect(onManager.found()!.self).toEqual({
      node: await idOf(manager),
      hostname: 'node1',
      swarm: true,
      manager: true,
      address: manager.address,
      advertise: `${manager.address}:2137`,
    })
    expect(onWorker.found()!.self).toMatchObject({ node: await idOf(worker), manager: false })
  })

  test('is what the manager’s swarmState says of the nodes', async () => {
    const { swarmState } = await until(
      'the swarmState',
      () => onManager.found()?.swarmState && onManager.found(),
    )
    expect(swarmState!.swarmId).toBe(await manager.docker('info', '--format', '{{.Swarm.Cluster.ID}}'))
    const engineVersion = await manager.docker('version', '--format', '{{.Server.Version}}')
    const common = { state: 'ready', availability: 'active', engineVersion, labels: {} }
    expect(Object.fromEntries(swarmState!.nodes)).toEqual({
      [await idOf(manager)]: { hostname: 'node1', address: manager.address, role: 'manager', ...common },
      [await idOf(worker)]: { hostname: 'node2', address: worker.address, role: 'worker', ...common },
    })
  })

  test('includes the own service, read from the own container', async () => {
    const socket = 'type=bind,source=/run/docker.sock,target=/var/run/docker.sock'
    const mounts = [socket, ...agentFolders.map((path) => `type=bind,readonly,source=${path},target=${path}`)]
    const flags = ['--mode', 'global', ...mounts.flatMap((mount) => ['--mount', mount])]
    onTestFinished(() => swarm.remove('metrics_agent'))
    await swarm.serve('metrics_agent', appImage, flags, agentCommand)
    for (const node of swarm.nodes) {
      const id = await node.docker(
        'ps',
        '--no-trunc',
        '--quiet',
        '--filter',
        'label=com.docker.swarm.service.name=metrics_agent',
      )
      const [line] = await until('its first set', async () => {
        const lines = (await node.docker('logs', id)).split('\n').filter(Boolean)
        return lines.length > 0 && lines
      })
      expect(JSON.parse(line!).self).toMatchObject({
        service: 'metrics_agent',
        container: id,
        node: await idOf(node),
      })
    }
  })
})

describe('services', () => {
  beforeAll(async () => {
    await serve('web', '--replicas', '4', '--label', 'com.df.notify=true', '--label', 'own.secret=x')
    await serve('each', '--mode', 'global')
  })

  test('are known by slot or node, on workers too, and reached over docker_gwbridge from the host', async () => {
    await until(
      'all replicas',
      () => tasksOf(onManager, 'web').length + tasksOf(onWorker, 'web').length === 4,
    )
    await until(
      'one a node',
      () => tasksOf(onManager, 'each').length + tasksOf(onWorker, 'each').length === 2,
    )
    const slots = [onManager, onWorker].flatMap((agent) =>
      tasksOf(agent, 'web').map(({ place }) => place.kind === 'replicated' && place.slot),
    )
    expect(slots.sort()).toEqual(['1', '2', '3', '4'])
    expect(tasksOf(onWorker, 'each')[0]!.place.kind).toBe('global')
    for (const [agent, node] of [
      [onManager, manager],
      [onWorker, worker],
    ] as const) {
      const [task] = tasksOf(agent, 'web')
      const [way] = (await agent.sees(task!.name, ({ addresses }) => addresses.length > 0)).addresses
      expect(way!.network).toBe('docker_gwbridge')
      await node.namespace()!.run('bash', ['-c', `exec 3<>/dev/tcp/${way!.host}/8080`])
    }
    expect(await catalogued('web', ({ slots }) => slots.length === 4)).toMatchObject({
      mode: 'replicated',
      replicas: 4,
      labels: { 'com.df.notify': 'true' },
      taskOrder: {},
    })
    expect(service('web')!.labels).not.toHaveProperty('own.secret')
    expect(await catalogued('each', ({ replicas }) => replicas === 2)).toMatchObject({
      mode: 'global',
      slots: [],
    })
  })

  test('are scaled up and down', async () => {
    onTestFinished(async () => {
      await manager.docker('service', 'scale', '--detach', 'web=4')
      await catalogued('web', ({ replicas, slots }) => replicas === 4 && slots.length === 4)
    })
    await manager.docker('service', 'scale', '--detach', 'web=6')
    await catalogued('web', ({ replicas, slots }) => replicas === 6 && slots.length === 6)
    await manager.docker('service', 'scale', '--detach', 'web=1')
    await catalogued('web', ({ replicas, slots }) => replicas === 1 && slots.length === 1)
  })

  test('say which tasks share a slot while the new one is started first', async () => {
    onTestFinished(() => swarm.remove('rolling'))
    await serve('rolling', '--replicas', '1', '--update-order', 'start-first', '--update-monitor', '5s')
    const before = await until(
      'its task',
      () => [onManager, onWorker].flatMap((agent) => tasksOf(agent, 'rolling'))[0],
    )
    // the new one doesn't become healthy: both are wanted meanwhile
    const probe = [
      '--health-cmd',
      'test -e /never',
      '--health-interval',
      '30s',
      '--health-start-period',
      '60s',
    ]
    await manager.docker('service', 'update', '--detach', '--no-resolve-image', ...probe, 'rolling')
    const { taskOrder } = await catalogued('rolling', (one) => one.taskOrder.get('1')?.length === 2)
    expect(taskOrder.get('1')![0]).toBe(before.place.kind === 'replicated' ? before.place.task : '')
    await manager.docker('service', 'rm', 'rolling')
    await until('its end', () => service('rolling') === undefined)
  })

  test('are reached on the overlay by an agent in a container, and the host at docker_gwbridge', async () => {
    onTestFinished(async () => {
      await manager.docker('rm', '--force', 'hosted', 'agent').catch(unlessMissing)
    })
    await manager.docker('run', '--detach', '--name', 'hosted', '--network', 'host', appImage)
    const agent = await inContainer(manager, ['--network', 'apps'])
    const each = (await until('the task', () => tasksOf(onManager, 'each')[0])).name
    const [way] = (await agent.sees(each, ({ addresses }) => addresses.length > 0)).addresses
    expect(way!.network).toBe('apps')
    const [gateway, address] = agent.target('hosted')!.addresses
    expect(address).toEqual({ network: 'host', host: manager.address })
    for (const host of [way!.host, gateway!.host, address!.host])
      await manager.docker('exec', 'agent', 'sh', '-c', `nc -w 2 ${host} 8080 < /dev/null`)
  })
})

describe('a node', () => {
  test('that becomes a manager has a swarmState, until it is none any more', async () => {
    expect(onWorker.found()!.swarmState).toBeUndefined()
    expect([...proxies[1]!.requested].sort()).toEqual(workerSections)
    onTestFinished(async () => {
      await manager.docker('node', 'demote', 'node2')
    })
    await manager.docker('node', 'promote', 'node2')
    await until('the promotion', () => onWorker.found()!.self.manager && onWorker.found()!.swarmState, {
      within: 60_000,
    })
    await until('agreement', () =>
      isDeepStrictEqual(
        withoutCounts(onWorker.found()!.swarmState!),
        withoutCounts(onManager.found()!.swarmState!),
      ),
    )
    await manager.docker('node', 'demote', 'node2')
    await until('the demotion', () => !onWorker.found()!.self.manager && !onWorker.found()!.swarmState, {
      within: 60_000,
    })
  })

  test('got no other request through its proxy', () => {
    expect(proxies.flatMap(({ refused }) => refused)).toEqual([])
    expect([...proxies[0]!.requested].sort()).toEqual(managerSections.toSorted())
  })
})
