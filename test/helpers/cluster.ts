// A cluster as the store would know it, written down in a few words: for tests of what is made from it.

import type {
  Change,
  Entry,
  NodeView,
  Place,
  Self,
  SwarmService,
  SwarmState,
  Target,
} from '../../src/model.ts'

type Labels = Readonly<Record<string, string>>

export function node(id: string, more: Partial<Self> & { link?: NodeView['link'] } = {}): NodeView {
  const { link = 'up', ...self } = more
  return {
    self: { node: id, hostname: id, swarm: true, manager: false, advertise: `${id}:2137`, ...self },
    version: '1.0.0',
    link,
    since: 0,
  }
}

export function task(
  service: string,
  seat: string,
  more: Partial<Target> & { labels?: Labels } = {},
): Target {
  const stack = service.includes('_') ? service.split('_')[0]! : undefined
  const id = more.id ?? `${service}-${seat}-${more.node ?? 'node1'}`
  const base = { service, serviceId: `id-${service}`, task: `task-${id}`, ...(stack && { stack }) }
  const place: Place = seat === '' ? { kind: 'global', ...base } : { kind: 'replicated', slot: seat, ...base }
  return target(id, { name: `${service}.${seat}.${id}`, place, ...more })
}

export function target(name: string, more: Partial<Target> = {}): Target {
  return {
    id: name,
    node: 'node1',
    name,
    place: { kind: 'standalone' },
    image: 'image:1',
    labels: {},
    state: 'running',
    addresses: [],
    ...more,
  }
}

export function entry(target: Target, more: Partial<Entry> = {}): Entry {
  const endpoint = { url: 'http://10.0.0.1/metrics', port: 80, source: 'scanned' }
  return {
    owner: target.node,
    target,
    probeResult: { kind: 'found', endpoint },
    endpoint,
    history: [],
    ...more,
  }
}

/** A container in which no metrics were found. */
export function bare(target: Target, more: Partial<Entry> = {}): Entry {
  const { endpoint: _, ...rest } = entry(target, more)
  return { ...rest, probeResult: { kind: 'not_found', failure: { code: 'no_metrics', reason: 'none' } } }
}

export function ended(target: Target, exitCode: number, removed = false): Entry {
  return entry({ ...target, state: 'stopped' }, { ended: { at: 0, exitCode, removed } })
}

export function service(name: string, more: Partial<SwarmService> = {}): SwarmService {
  return {
    ...{ name, mode: 'replicated', replicas: 1, slots: ['1'], labels: {}, taskOrder: new Map() },
    ...{ running: 1, taskStates: new Map([['running', 1]]), ...more },
  }
}

export function swarmState(
  services: readonly SwarmService[],
  nodes: readonly string[] = ['node1'],
): SwarmState {
  return {
    swarmId: 'swarm-id',
    nodes: new Map(
      nodes.map((id) => [
        id,
        {
          ...{ hostname: id, address: '10.0.0.1', role: 'worker', state: 'ready', availability: 'active' },
          ...{ engineVersion: '28.5.2', labels: {} },
        },
      ]),
    ),
    services: new Map(services.map((one) => [`id-${one.name}`, one])),
    containers: new Map(),
  }
}

export interface Known {
  entries?: readonly Entry[]
  nodes?: readonly NodeView[]
  swarmState?: SwarmState
}

/** The reading side of a store, to be changed by hand. */
export function storeOf(known: Known) {
  let now = known
  const listeners = new Set<(change: Change) => void>()
  return {
    entries: () => now.entries ?? [],
    nodes: () => now.nodes ?? [node('node1')],
    swarmState: () => now.swarmState && { value: now.swarmState, ageMs: 0, from: 'node1' },
    subscribe(listener: (change: Change) => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    become(next: Known, change: Change = { kind: 'nodes' }) {
      now = next
      for (const listener of listeners) listener(change)
    },
  }
}
