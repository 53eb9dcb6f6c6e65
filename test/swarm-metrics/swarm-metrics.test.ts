import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inspect } from '../../src/exposition/inspect.ts'
import type { SwarmNode, SwarmService, SwarmState } from '../../src/model.ts'
import { createSwarmMetrics, swarmPage } from '../../src/swarm-metrics/swarm-metrics.ts'
import { service, swarmState } from '../helpers/cluster.ts'

const from = 'n1'
const textType = 'text/plain; version=0.0.4'
const limits = { maxSeries: 1e6, maxLineBytes: 2 ** 20 }
const textOf = (value: SwarmState | undefined, ageMs = 2_500) => {
  const page = swarmPage(value && { value, ageMs, from })
  return Buffer.from(page.content.kind === 'plain' ? page.content.bytes : []).toString()
}

/** The samples without the common prefix. */
const samplesOf = (value: SwarmState | undefined, age?: number) =>
  textOf(value, age)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace('app_metrics_proxy_swarm_', ''))

const node = (more: Partial<SwarmNode> = {}): SwarmNode => ({
  ...{ hostname: 'one', address: '10.0.0.1', role: 'worker', state: 'ready', availability: 'active' },
  ...{ engineVersion: '28.5.2', labels: {} },
  ...more,
})

test('the metrics of a Swarm', () => {
  const web = service('shop_web', {
    ...{ replicas: 3, running: 2, updateState: 'paused' },
    labels: { 'com.docker.stack.namespace': 'shop', team: 'blue', 'com.df.notify': 'true' },
    taskStates: new Map([
      ['running', 2],
      ['starting', 1],
    ]),
  })
  const agent = service('agent', { mode: 'global', replicas: 2, running: 2, taskStates: new Map() })
  const job = service('job', { mode: 'job', replicas: 0, taskStates: new Map([['complete', 4]]) })
  const value: SwarmState = {
    ...swarmState([web, agent, job]),
    nodes: new Map([
      ['n1', node({ role: 'manager', labels: { 'zone-id': 'a' } })],
      ['n2', node({ hostname: 'two', state: 'down', availability: 'drain' })],
    ]),
    failures: {
      ...{ after: 1, upTo: 9, tasks: [] },
      services: new Map([
        ['id-agent', new Map()],
        [
          'id-shop_web',
          new Map([
            ['', 1],
            ['137', 5],
          ]),
        ],
        ['id-gone', new Map([['1', 1]])],
      ]),
    },
    reschedules: {
      ...{ after: 1, upTo: 9 },
      services: new Map(['shop_web', 'agent', 'gone'].map((name) => [`id-${name}`, new Map([['down', 3]])])),
    },
  }
  expect(samplesOf(value)).toEqual([
    'node_availability{node="one",node_id="n1",availability="active"} 1',
    'node_availability{node="two",node_id="n2",availability="drain"} 1',
    'node_info{node="one",node_id="n1",role="manager",engine_version="28.5.2"} 1',
    'node_info{node="two",node_id="n2",role="worker",engine_version="28.5.2"} 1',
    'node_labels{node="one",node_id="n1",label_zone_id="a"} 1',
    'node_labels{node="two",node_id="n2"} 1',
    'node_state{node="one",node_id="n1",state="ready"} 1',
    'node_state{node="two",node_id="n2",state="down"} 1',
    'service_info{service="shop_web",service_id="id-shop_web",stack="shop",mode="replicated"} 1',
    'service_info{service="agent",service_id="id-agent",stack="",mode="global"} 1',
    'service_info{service="job",service_id="id-job",stack="",mode="job"} 1',
    'service_labels{service="shop_web",label_com_docker_stack_namespace="shop",label_team="blue"} 1',
    'service_labels{service="agent"} 1',
    'service_labels{service="job"} 1',
    'service_replicas_desired{service="shop_web"} 3',
    'service_replicas_desired{service="agent"} 2',
    'service_replicas_running{service="shop_web"} 2',
    'service_replicas_running{service="agent"} 2',
    'service_update_state{service="shop_web",state="paused"} 1',
    'state_age_seconds 2.5',
    'task_failures_total{service="agent",exit_code=""} 0',
    'task_failures_total{service="shop_web",exit_code=""} 1',
    'task_failures_total{service="shop_web",exit_code="137"} 5',
    'task_reschedules_total{service="shop_web",reason="drain"} 0',
    'task_reschedules_total{service="shop_web",reason="down"} 3',
    'task_reschedules_total{service="shop_web",reason="removed"} 0',
    'task_state{service="shop_web",state="running"} 2',
    'task_state{service="shop_web",state="starting"} 1',
    'task_state{service="job",state="complete"} 4',
  ])
})

describe('what is not known', () => {
  test('is absent once it is older than two minutes: only its age is left', () => {
    const value = swarmState([service('web')])
    expect(samplesOf(value, 120_000)).toContain('service_replicas_desired{service="web"} 1')
    expect(samplesOf(value, 120_001)).toEqual(['state_age_seconds 120.001'])
  })

  test('has an infinite age where no manager ever sent it', () => {
    expect(samplesOf(undefined)).toEqual(['state_age_seconds +Inf'])
    expect(inspect(Buffer.from(textOf(undefined)), textType, limits)).toMatchObject({ ok: true, series: 1 })
  })

  test('is no page before the agent knows whether there is any, and where there is no Swarm', () => {
    const page = (swarm: boolean, missing: string[]) => () =>
      createSwarmMetrics({
        ...{ self: () => ({ swarm }), swarmState: () => undefined, pending: () => missing },
      })()
    expect(page(true, ['the swarm state'])).toThrow('not known yet, waiting for: the swarm state')
    expect(page(false, [])).toThrow('in no Swarm')
    expect(page(true, [])).not.toThrow()
  })
})

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.toWellFormed()),
  fc.constantFrom(
    '',
    '__proto__',
    'constructor',
    '"} 1\nup 0',
    '\\',
    '{{ $value }}',
    '\n# EOF\n',
    'x'.repeat(300),
  ),
)
const labels = fc.dictionary(hostile, hostile, { maxKeys: 4 })
const hostileService: fc.Arbitrary<SwarmService> = fc.record({
  ...{ name: hostile, labels, replicas: fc.nat(), running: fc.nat() },
  mode: fc.constantFrom('replicated' as const, 'global' as const, 'job' as const),
  taskStates: fc.array(fc.tuple(hostile, fc.nat(9))).map((all) => new Map(all)),
  updateState: hostile,
  ...{ slots: fc.constant([]), taskOrder: fc.constant(new Map()) },
})
const hostileNode: fc.Arbitrary<SwarmNode> = fc.record({
  ...{ hostname: hostile, address: hostile, state: hostile, availability: hostile },
  ...{ engineVersion: hostile, labels, role: fc.constant('worker' as const) },
})

test('whatever services, nodes and labels are named, the page is valid, and each series is there once', () => {
  fc.assert(
    fc.property(
      // no two services of a Swarm have one name
      fc.uniqueArray(fc.tuple(hostile, hostileService), { maxLength: 6, selector: ([, { name }]) => name }),
      fc.array(fc.tuple(hostile, hostileNode), { maxLength: 6 }),
      fc.array(fc.tuple(hostile, fc.nat(9)), { maxLength: 6 }),
      (services, nodes, codes) => {
        const counts = new Map(services.map(([id]) => [id, new Map(codes)]))
        const value: SwarmState = {
          ...{ swarmId: 'c', containers: new Map(), services: new Map(services), nodes: new Map(nodes) },
          failures: { ...{ after: 0, upTo: 0, tasks: [] }, services: counts },
          reschedules: { ...{ after: 0, upTo: 0 }, services: counts },
        }
        const page = swarmPage({ value, ageMs: 0, from })
        const body = Buffer.from(page.content.kind === 'plain' ? page.content.bytes : [])
        expect(inspect(body, textType, limits)).toMatchObject({ ok: true, series: page.series, remarks: [] })
        const states = [...body.toString().matchAll(/^app_metrics_proxy_swarm_\w+_state\{.*state="(.*?)"/gm)]
        expect(states.length).toBeLessThanOrEqual(services.length * 7 + nodes.length)
      },
    ),
  )
})
