import { afterEach, describe, expect, test } from 'vitest'
import type { Entry, SwarmState } from '../../src/model.ts'
import { entry, service, swarmState, target, task } from '../helpers/cluster.ts'
import { until } from '../helpers/until.ts'
import { nodesAt, type Pages, type Responder, startResponder } from './parts/cluster.ts'
import { type Prometheus, startPrometheus } from './parts/prometheus.ts'
import { releases } from './parts/releases.ts'

const running: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
})

/** One Prometheus of each release, all with the same configuration. */
async function startAll(...urls: readonly string[]): Promise<readonly Prometheus[]> {
  const sd = urls.map((url) => `      - { url: '${url}', refresh_interval: 1s }`).join('\n')
  const config = `
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: containers
    http_sd_configs:
${sd}
`
  return Promise.all(
    releases.map(async (release) => {
      const prometheus = await startPrometheus(config, { release })
      running.push(prometheus)
      return prometheus
    }),
  )
}

async function responder(pages?: Pages, host?: string): Promise<Responder> {
  const one = await startResponder('test', pages, host)
  running.push(one)
  return one
}

const ups = async (prometheus: Prometheus) =>
  (await prometheus.query('up{job!="app-metrics-proxy"}'))
    .map(({ labels, value }) => `${labels.instance} ${value}`)
    .toSorted()

/** Waits until all have these targets, each with its `up`. */
const settled = (all: readonly Prometheus[], ...targets: readonly string[]) =>
  until(`${targets}`, async () => {
    for (const prometheus of all) expect(await ups(prometheus)).toEqual(targets)
    return true
  })

const slots = (...wanted: string[]) =>
  swarmState([service('demo_web', { slots: wanted, replicas: wanted.length })], ['node1', 'node2', 'node3'])

describe('Prometheus reads the list', () => {
  test('and asks for each target as it says', async () => {
    const agent = await responder()
    const labels = {
      'com.docker.stack.namespace': 'demo',
      'app-metrics-proxy.label.team': 'web',
      'app-metrics-proxy.interval': '2s',
      'app-metrics-proxy.param.module': 'a&b',
    }
    const services = swarmState([service('demo_web', { labels: { 'com.docker.stack.namespace': 'demo' } })])
    agent.learn({
      nodes: nodesAt(agent.address),
      entries: [
        entry(task('demo_web', '1', { labels })),
        entry(target('odd ?#%41+', { labels: { 'prometheus.interval': '1500ms' } })),
        entry(task('demo_node', '')),
        entry(target('two', { labels: { 'app-metrics-proxy.port.2': '9113' } })),
      ],
      swarmState: services,
    })
    const all = await startAll(`${agent.url}/sd`)
    const two = ['two@node1 1', 'two@node1:9113 1']
    await settled(all, 'demo_node@node1 1', 'demo_web.1 1', 'odd ?#%41+@node1 1', ...two)
    for (const prometheus of all) await expectTargets(prometheus, agent)
    expect(agent.requested).toEqual(
      new Set([
        '/-/swarm',
        '/demo_web/1/metrics?module=a&b',
        '/odd ?#%41+/node1/metrics',
        '/demo_node/node1/metrics',
        '/two/node1/metrics',
        '/two/node1/metrics?endpoint=2',
        '/metrics',
      ]),
    )
  })

  async function expectTargets(prometheus: Prometheus, agent: Responder): Promise<void> {
    const { active, dropped } = await prometheus.targets()
    expect(dropped).toBe(0)
    expect(
      active
        .map(({ health, lastError, scrapeUrl }) => ({ health, lastError, scrapeUrl }))
        .filter(({ health }) => health !== 'up'),
    ).toEqual([])
    const web = active.find(({ labels }) => labels.service === 'demo_web')!
    expect(web.labels).toEqual({
      job: 'demo_web',
      instance: 'demo_web.1',
      service: 'demo_web',
      stack: 'demo',
      slot: '1',
      cluster: 'test',
      team: 'web',
    })
    expect(web).toMatchObject({
      scrapeInterval: '2s',
      scrapeTimeout: '2s',
      scrapeUrl: `${agent.url}/demo_web/1/metrics?module=a%26b`,
    })
    expect(web.discoveredLabels).toMatchObject({
      __meta_dockerswarm_node_hostname: 'node1',
      __meta_dockerswarm_task_desired_state: 'running',
    })
    expect(active.find(({ labels }) => labels.instance!.startsWith('odd'))).toMatchObject({
      scrapeInterval: '1500ms',
    })
  }

  test('over IPv6', async () => {
    const agent = await responder(undefined, '::1')
    agent.learn({ nodes: nodesAt(agent.address), entries: [entry(target('web'))] })
    await settled(await startAll(`${agent.url}/sd`), 'web@node1 1')
  })

  test('and keeps it while a new agent doesn’t know all yet', async () => {
    const agent = await responder()
    agent.learn({ nodes: nodesAt(agent.address), entries: [entry(target('web'))] })
    const all = await startAll(`${agent.url}/sd`)
    await settled(all, 'web@node1 1')
    agent.awaited = ['the first probe of each container']
    agent.learn({ nodes: nodesAt(agent.address) })
    await Promise.all(all.map((prometheus) => increased(prometheus, 'prometheus_sd_http_failures_total', 2)))
    for (const prometheus of all) expect(await ups(prometheus)).toEqual(['web@node1 1'])
  })

  test('a replica that fails is down, and comes back', async () => {
    let well = false
    const agent = await responder((path) => (well || path.startsWith('/demo_web/1') ? 'x 1\n' : undefined))
    agent.learn({
      nodes: nodesAt(agent.address),
      entries: [entry(task('demo_web', '1'))],
      swarmState: slots('1', '2'),
    })
    const all = await startAll(`${agent.url}/sd`)
    await settled(all, 'demo_web.1 1', 'demo_web.2 0')
    well = true
    await settled(all, 'demo_web.1 1', 'demo_web.2 1')
  })
})

/** The sum of one of Prometheus' own counters. */
async function counter({ url }: Prometheus, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\d+)`, 'gm'))]
  return values.reduce((sum, [, value]) => sum + Number(value), 0)
}

/** Waits until the sum of a counter has grown by so much. */
async function increased(prometheus: Prometheus, name: string, by: number): Promise<void> {
  const before = await counter(prometheus, name)
  await until(`${name} to grow by ${by}`, async () => (await counter(prometheus, name)) >= before + by)
}

test('no series is ever doubled nor lost, whatever moves, dies or is late', async () => {
  const agents = [await responder(), await responder(), await responder()]
  const [first, second, third] = agents as [Responder, Responder, Responder]
  const nodes = nodesAt(first.address, first.address, first.address)
  const know = (entries: readonly Entry[], services: SwarmState) => ({ nodes, entries, swarmState: services })
  const on = (...places: readonly [string, string][]) =>
    places.map(([slot, node]) => entry(task('demo_web', slot, { node, id: `${slot}${node}` })))
  const start = know(on(['1', 'node1'], ['2', 'node2'], ['3', 'node3']), slots('1', '2', '3'))
  for (const agent of agents) agent.learn(start)

  const all = await startAll(...agents.map(({ url }) => `${url}/sd`))
  const refreshedAll = () => Promise.all(all.map(refreshed))
  await settled(all, 'demo_web.1 1', 'demo_web.2 1', 'demo_web.3 1')
  const since = performance.now()

  // slot 2 moves; the agents learn it one after the other, each later than a refresh of the one before
  const moved = know(on(['1', 'node1'], ['2', 'node3'], ['3', 'node3']), slots('1', '2', '3'))
  const both = know([...start.entries, ...on(['2', 'node3'])], slots('1', '2', '3'))
  for (const known of [both, moved])
    for (const agent of agents) {
      agent.learn(known)
      await refreshedAll()
    }
  // an agent dies: Prometheus keeps what it said last
  await third.stop()
  await refreshedAll()
  // it comes back as one that doesn't know all yet, while another one is scaled up
  second.awaited = ['what the other agents have']
  second.learn({})
  await refreshedAll()
  first.learn(
    know(on(['1', 'node1'], ['2', 'node3'], ['3', 'node3'], ['4', 'node1']), slots('1', '2', '3', '4')),
  )
  await settled(all, 'demo_web.1 1', 'demo_web.2 1', 'demo_web.3 1', 'demo_web.4 1')

  const window = `[${Math.floor((performance.now() - since) / 1000)}s:1s]`
  for (const prometheus of all) {
    const [most] = await prometheus.query(`max(max_over_time(count by (job, instance) (up)${window}))`)
    expect(most?.value).toBe(1)
    const [least] = await prometheus.query(`min_over_time(sum(up{instance=~"demo_web.[123]"})${window})`)
    expect(least?.value).toBe(3)
  }
})

/** Each of the lists has been read, or tried, once more, and what it said is in force. */
async function refreshed(prometheus: Prometheus): Promise<void> {
  await increased(prometheus, 'prometheus_sd_refresh_duration_seconds_count', 3)
  await increased(prometheus, 'prometheus_sd_updates_total', 1)
}
