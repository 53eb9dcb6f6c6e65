import type { Endpoint, ProbeResult, Self, Snapshot, SwarmState, Target } from '../../src/model.ts'
import { plainPage } from '../../src/model.ts'

export const self = (node = 'n1', more: Partial<Self> = {}): Self => ({
  node,
  hostname: `host-${node}`,
  swarm: true,
  manager: false,
  advertise: `${node}:2137`,
  ...more,
})

export const target = (id: string, more: Partial<Target> = {}): Target => ({
  id,
  node: 'n1',
  name: `name-${id}`,
  place: { kind: 'standalone' },
  image: 'app:1',
  labels: {},
  state: 'running',
  addresses: [{ network: 'net', host: '10.0.0.2' }],
  ...more,
})

export const replica = (id: string, slot = '1', more: Partial<Target> = {}): Target =>
  target(id, {
    place: {
      kind: 'replicated',
      service: 'demo_web',
      serviceId: 'web',
      stack: 'demo',
      slot,
      task: `t-${id}`,
    },
    ...more,
  })

export const endpoint: Endpoint = { url: 'http://10.0.0.2:8080/metrics', port: 8080, source: 'scanned' }
export const found: ProbeResult = { kind: 'found', endpoint }

export const snapshot = (at: number, text = 'up 1\n'): Snapshot => ({
  ok: true,
  at,
  durationMs: 3,
  page: plainPage(Buffer.from(text), { format: 'text/0.0.4', series: 1, remarks: [] }),
})

export const swarmState = (
  slots: readonly string[],
  mode: 'replicated' | 'global' | 'job' = 'replicated',
): SwarmState => ({
  swarmId: 'c1',
  nodes: new Map([
    [
      'n1',
      {
        hostname: 'host-n1',
        address: '10.0.0.1',
        role: 'manager',
        state: 'ready',
        availability: 'active',
        engineVersion: '28.5.2',
        labels: {},
      },
    ],
  ]),
  services: new Map([
    [
      'web',
      {
        ...{ name: 'demo_web', mode, replicas: slots.length, slots, labels: {}, taskOrder: new Map() },
        ...{ running: slots.length, taskStates: new Map([['running', slots.length]]) },
      },
    ],
  ]),
  containers: new Map([['n1', ['0123456789abcdef']]]),
  failures: {
    after: 3,
    upTo: 9,
    services: new Map([['web', new Map([['137', 2]])]]),
    tasks: ['abcdefghijkl'],
  },
  reschedules: { after: 3, upTo: 9, services: new Map([['web', new Map([['drain', 2]])]]) },
})
