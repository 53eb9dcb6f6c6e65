// The Docker engines of a Swarm, one a node, each with containers on the host's network. The first node is the manager.

import type { ApiContainer, ApiNode, ApiService, ApiTask } from '../../src/discover/docker-api.ts'
import { type EngineServer, startEngineServer } from '../discover/engine-server.ts'

export interface SwarmContainer {
  /** Where it runs, by its place in the list of nodes. */
  readonly node: number
  readonly port: number
  /** Of a container that belongs to nothing. */
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>>
  /** Of a task of a service: with a slot it is one of a replicated service, else of a global one. */
  readonly task?: {
    readonly stack: string
    readonly service: string
    readonly slot?: number
    /** Of the service itself: those of its first task count. */
    readonly labels?: Readonly<Record<string, string>>
  }
}

/** Starts one engine for each node, by its hostname. */
export async function startSwarmEngines(
  hostnames: readonly string[],
  containers: readonly SwarmContainer[],
): Promise<readonly EngineServer[]> {
  const placed = containers.map((container, at) => ({ container, id: idOf(at), taskId: `task${at}` }))
  const nodes = hostnames.map((hostname, at) => nodeOf(hostname, at))
  return Promise.all(
    hostnames.map(async (hostname, node) => {
      const engine = await startEngineServer()
      Object.assign(engine.answers, {
        '/info': infoOf(hostname, node),
        '/networks': [],
        '/containers/json': placed.filter(({ container }) => container.node === node).map(containerOf),
        ...(node === 0 && {
          '/nodes': nodes,
          '/services': servicesOf(containers),
          '/tasks': placed.flatMap(taskOf),
        }),
      })
      return engine
    }),
  )
}

interface Placed {
  readonly container: SwarmContainer
  readonly id: string
  readonly taskId: string
}

const idOf = (at: number) => (at + 1).toString(16).padStart(64, '0')
const nodeId = (node: number) => `node${node}id`
const fullName = ({ stack, service }: NonNullable<SwarmContainer['task']>) => `${stack}_${service}`

function infoOf(hostname: string, node: number) {
  return {
    ID: `engine-${hostname}`,
    Name: hostname,
    Swarm: {
      NodeID: nodeId(node),
      NodeAddr: '127.0.0.1',
      LocalNodeState: 'active',
      ControlAvailable: node === 0,
      RemoteManagers: [{ NodeID: nodeId(0), Addr: '127.0.0.1:2377' }],
      ...(node === 0 && { Cluster: { ID: 'swarm' } }),
    },
  }
}

function nodeOf(hostname: string, node: number): ApiNode {
  return {
    ID: nodeId(node),
    Spec: { Role: node === 0 ? 'manager' : 'worker', Availability: 'active' },
    Description: { Hostname: hostname },
    Status: { State: 'ready', Addr: '127.0.0.1' },
  }
}

function containerOf({ container: { node, name, port, labels, task }, id, taskId }: Placed): ApiContainer {
  const taskName = task && `${fullName(task)}.${task.slot ?? nodeId(node)}.${taskId}`
  return {
    Id: id,
    Names: [`/${taskName ?? name}`],
    Image: 'example/app:1',
    Created: 1_795_227_727,
    State: 'running',
    Status: 'Up 5 seconds',
    HostConfig: { NetworkMode: 'host' },
    NetworkSettings: { Networks: { host: {} } },
    Labels: {
      'app-metrics-proxy.port': `${port}`,
      ...labels,
      ...(task && {
        'com.docker.stack.namespace': task.stack,
        'com.docker.swarm.node.id': nodeId(node),
        'com.docker.swarm.service.id': `id-${fullName(task)}`,
        'com.docker.swarm.service.name': fullName(task),
        'com.docker.swarm.task': '',
        'com.docker.swarm.task.id': taskId,
        'com.docker.swarm.task.name': taskName!,
      }),
    },
  }
}

function servicesOf(containers: readonly SwarmContainer[]): readonly ApiService[] {
  const byName = Map.groupBy(
    containers.flatMap(({ task }) => (task ? [task] : [])),
    fullName,
  )
  return [...byName].map(([name, tasks]) => ({
    ID: `id-${name}`,
    Spec: {
      Name: name,
      Labels: tasks[0]!.labels ?? {},
      Mode: tasks[0]!.slot === undefined ? { Global: {} } : { Replicated: { Replicas: tasks.length } },
    },
  }))
}

function taskOf({ container: { node, task }, id, taskId }: Placed): readonly ApiTask[] {
  if (!task) return []
  const more = {
    NodeID: nodeId(node),
    DesiredState: 'running',
    Status: { State: 'running', ContainerStatus: { ContainerID: id } },
  }
  const slot = task.slot === undefined ? {} : { Slot: task.slot }
  return [
    { ID: taskId, ServiceID: `id-${fullName(task)}`, CreatedAt: '2026-11-21T02:22:06Z', ...slot, ...more },
  ]
}
