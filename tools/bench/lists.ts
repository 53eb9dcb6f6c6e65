// What the two lists of everything cost at many endpoints, in CPU of the agent: the status as JSON, and `/sd`, after
// changes and without one.

import { systemClock } from '../../src/clock.ts'
import type { Snapshot, SwarmState, Target } from '../../src/model.ts'
import { plainPage } from '../../src/model.ts'
import { createSd } from '../../src/sd/sd.ts'
import { statusOf } from '../../src/status/status.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { quietView } from '../../test/helpers/status-view.ts'
import { type Section, spread } from './section.ts'

const endpoints = 10_000

export const lists: Section = {
  name: 'lists',
  title: `The status and \`/sd\` of ${endpoints.toLocaleString('en')} endpoints`,
  method: 'In one process, once code is compiled. The first response after a start takes 0.3 s of CPU.',
  async run(isQuick) {
    const store = createStore({ clock: systemClock, forgetAfterMs: 300_000, version: '1.0.0' })
    try {
      const [targets, rounds] = [fill(store, endpoints), isQuick ? 3 : 20]
      const costs = { ...benchStatus(store, targets, rounds), ...(await benchSd(store, targets, rounds)) }
      return {
        rows: Object.entries(costs).map(([what, ms]) => ({
          what: `CPU of ${what}`,
          figure: `${spread(ms, 1)} ms`,
        })),
      }
    } finally {
      await store.stop()
    }
  },
}

/** Milliseconds of CPU in each round, by what was requested. */
type Costs = Readonly<Record<string, readonly number[]>>

const replicas = 10

function fill(store: Store, endpoints: number): readonly Target[] {
  const advertise = 'metrics.example.org:2137'
  store.identify({ node: 'node1', hostname: 'node1', swarm: true, manager: true, advertise })
  store.putSwarmState(swarmStateOf(endpoints / replicas, 1))
  const targets = Array.from({ length: endpoints }, (_, at) => targetOf(at))
  store.replaceTargets(targets)
  for (const [at, { id }] of targets.entries()) {
    const endpoint = { url: `http://10.0.${at >> 8}.${at & 255}:8080/metrics`, port: 8080, source: 'scanned' }
    store.putProbeResult(id, { kind: 'found', endpoint })
    for (let scrape = 0; scrape < 20; scrape += 1) store.putSnapshot(id, snapshotOf(at + scrape))
  }
  return targets
}

const serviceOf = (number: number) => ({ name: `stack${number % 20}_service${number}`, id: `id${number}` })

function targetOf(at: number): Target {
  const { name: service, id: serviceId } = serviceOf(Math.floor(at / replicas))
  const slot = `${(at % replicas) + 1}`
  const [task, stack] = [`${at}`.padStart(25, 't'), service.split('_')[0]!]
  const id = at.toString(16).padStart(8, '0').padEnd(64, 'e5')
  const name = `${service}.${slot}.${task}`
  return {
    ...{ id, node: 'node1', name, image: 'example/app:1.4.2', state: 'running' },
    place: { kind: 'replicated', service, serviceId, stack, slot, task },
    labels: {
      'com.docker.stack.namespace': stack,
      'com.docker.swarm.service.id': serviceId,
      'com.docker.swarm.service.name': service,
      'com.docker.swarm.task.id': task,
      'com.docker.swarm.task.name': name,
    },
    addresses: [{ network: 'monitor', host: `10.0.${at >> 8}.${at & 255}` }],
  }
}

function swarmStateOf(services: number, version: number): SwarmState {
  const slots = Array.from({ length: replicas }, (_, at) => `${at + 1}`)
  const labelsOf = (number: number) => ({
    'app-metrics-proxy.port': '8080',
    version: number === 7 ? `${version}` : '1',
  })
  return {
    swarmId: 'swarm',
    nodes: new Map([
      [
        'node1',
        {
          hostname: 'node1',
          address: '10.0.0.1',
          role: 'manager',
          state: 'ready',
          availability: 'active',
          engineVersion: '28.5.2',
          labels: {},
        },
      ],
    ]),
    containers: new Map(),
    services: new Map(
      Array.from({ length: services }, (_, number) => {
        const { name, id } = serviceOf(number)
        return [
          id,
          {
            ...{ name, mode: 'replicated', replicas, slots, labels: labelsOf(number), taskOrder: new Map() },
            ...{ running: replicas, taskStates: new Map([['running', replicas]]) },
          },
        ] as const
      }),
    ),
  }
}

function snapshotOf(number: number): Snapshot {
  const body = Buffer.from('a 1\n')
  const page = plainPage(body, { format: 'text/0.0.4', series: 700, remarks: [] })
  return { ok: true, at: performance.now(), durationMs: 3 + (number % 17) / 10, page }
}

function benchStatus(store: Store, targets: readonly Target[], rounds: number): Costs {
  const view = { ...store, ...quietView, self: () => store.ownNode.self() }
  const request = () => void Buffer.from(JSON.stringify(statusOf(view, systemClock.now())))
  request()
  const scrape = (round: number) => {
    for (const [at, { id }] of targets.entries()) store.putSnapshot(id, snapshotOf(at + round))
  }
  return { 'the status as JSON': repeat(rounds, scrape, request) }
}

async function benchSd(store: Store, targets: readonly Target[], rounds: number): Promise<Costs> {
  const sd = createSd({ store, config: { cluster: undefined }, pending: () => [] })
  const ask = () => sd.answer({ query: {} })
  await ask()
  const services = targets.length / replicas
  const comeAndGo = (round: number) => store.replaceTargets(round % 2 === 0 ? targets.slice(1) : targets)
  // the answer is made before its promise is awaited
  return {
    '`/sd`: a container started or stopped': repeat(rounds, comeAndGo, () => void ask()),
    '`/sd`: a service changed': repeat(
      rounds,
      (round) => store.putSwarmState(swarmStateOf(services, round + 2)),
      () => void ask(),
    ),
    '`/sd`: nothing changed': repeat(
      rounds,
      () => {},
      () => void ask(),
    ),
  }
}

function repeat(rounds: number, change: (round: number) => void, work: () => void): readonly number[] {
  return Array.from({ length: rounds }, (_, round) => {
    change(round)
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  })
}
