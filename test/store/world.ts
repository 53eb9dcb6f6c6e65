// A small cluster in which to look up names, with builders for its containers.

import { createHash } from 'node:crypto'
import type {
  Change,
  Entry,
  NodeId,
  NodeView,
  Place,
  SwarmService,
  SwarmState,
  Target,
  WithAge,
} from '../../src/model.ts'

export interface World {
  entries(): Iterable<Entry>
  entry(owner: NodeId, id: string): Entry | undefined
  nodes(): readonly NodeView[]
  swarmState(): WithAge<SwarmState> | undefined
  put(entry: Entry): Change
  remove(owner: NodeId, id: string): Change
  declare(swarmState: SwarmState | undefined): Change
  /** The nodes are these from now on. */
  see(nodes: readonly NodeView[]): Change
  subscribe(listener: (change: Change) => void): () => void
}

export function createWorld(entries: readonly Entry[], given: readonly NodeView[]): World {
  let nodes = given
  const all = new Map(entries.map((entry) => [`${entry.owner} ${entry.target.id}`, entry]))
  const listeners = new Set<(change: Change) => void>()
  let declared: SwarmState | undefined
  const notify = (change: Change): Change => {
    for (const listener of listeners) listener(change)
    return change
  }
  return {
    entries: () => all.values(),
    entry: (owner, id) => all.get(`${owner} ${id}`),
    nodes: () => nodes,
    swarmState: () => declared && { value: declared, ageMs: 0, from: nodes[0]!.self.node },
    put(entry) {
      const key = `${entry.owner} ${entry.target.id}`
      const before = all.get(key)
      all.set(key, entry)
      return notify({ kind: 'entry', entry, ...(before && { before }) })
    },
    remove(owner, id) {
      all.delete(`${owner} ${id}`)
      return notify({ kind: 'deleted', owner, id })
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    see(next) {
      nodes = next
      return notify({ kind: 'nodes' })
    },
    declare(swarmState) {
      declared = swarmState
      return notify({ kind: 'swarmState' })
    },
  }
}

export function node(id: NodeId, hostname = id, link: NodeView['link'] = 'up'): NodeView {
  const self = { node: id, hostname, swarm: true, manager: false, advertise: `${hostname}:2137` }
  return { self, version: '1', link, since: 0 }
}

export interface Traits {
  readonly labels?: Target['labels']
  readonly answers?: boolean
  /** Not probed yet, as after a start of its agent. */
  readonly isSearched?: boolean
  readonly ended?: Entry['ended']
  readonly state?: Target['state']
}

const endpoint = { url: 'http://10.0.0.1:80/metrics', port: 80, source: 'scanned' }

export function container(owner: NodeId, name: string, place: Place, traits: Traits = {}): Entry {
  const { labels = {}, isSearched = false, answers = !isSearched, ended, state = 'running' } = traits
  const target: Target = {
    id: idOf(`${owner} ${name}`),
    node: owner,
    name,
    place,
    image: 'image',
    labels,
    state: ended ? 'stopped' : state,
    addresses: [{ network: 'net', host: '10.0.0.1' }],
  }
  return {
    owner,
    target,
    probeResult: answers ? { kind: 'found', endpoint } : isSearched ? { kind: 'searching' } : noMetrics,
    ...(answers && { endpoint }),
    history: [],
    ...(ended && { ended }),
  }
}

const noMetrics = { kind: 'not_found', failure: { code: 'connection_refused', reason: 'refused' } } as const

/** Looks like a container's id, and is the same for the same text. */
function idOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

export function standalone(owner: NodeId, name: string, traits: Traits = {}): Entry {
  return container(owner, name, { kind: 'standalone' }, traits)
}

/** A task of a replicated service; `service` as `stack_name`. */
export function task(
  owner: NodeId,
  service: string,
  slot: number,
  traits: Traits & { task?: string } = {},
): Entry {
  const id = traits.task ?? `task${slot}${owner}`
  const place: Place = {
    kind: 'replicated',
    service,
    serviceId: `id-${service}`,
    ...stackOf(service),
    slot: `${slot}`,
    task: id,
  }
  return container(owner, `${service}.${slot}.${id}`, place, traits)
}

export function globalTask(owner: NodeId, service: string, traits: Traits = {}): Entry {
  const place: Place = {
    kind: 'global',
    service,
    serviceId: `id-${service}`,
    ...stackOf(service),
    task: `task${owner}`,
  }
  return container(owner, `${service}.${owner}.task${owner}`, place, traits)
}

export function composed(owner: NodeId, project: string, service: string, number = 1, joint = '-'): Entry {
  const name = [project, service, number].join(joint)
  return container(owner, name, { kind: 'compose', project, service, number: `${number}` })
}

export function declared(...services: readonly Partial<SwarmService>[]): SwarmState {
  const complete = services.map(
    (service): SwarmService => ({
      name: 'demo_web',
      mode: 'replicated',
      replicas: 1,
      slots: ['1'],
      labels: stackLabels(service.name ?? 'demo_web'),
      taskOrder: new Map(),
      running: 1,
      taskStates: new Map([['running', 1]]),
      ...service,
    }),
  )
  return {
    swarmId: 'swarm',
    nodes: new Map(),
    services: new Map(complete.map((one) => [`id-${one.name}`, one])),
    containers: new Map(),
  }
}

function stackOf(service: string): { stack?: string } {
  return service.includes('_') ? { stack: service.slice(0, service.lastIndexOf('_')) } : {}
}

function stackLabels(service: string): Record<string, string> {
  const { stack } = stackOf(service)
  return stack === undefined ? {} : { 'com.docker.stack.namespace': stack }
}
