// Several endpoints of one container, through real agents that are linked over SSH: each is held against what the
// container itself answers there, on the container's node and on the other one.

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { contentTypeOf } from '../src/exposition/formats.ts'
import type { Status } from '../src/status/shape.ts'
import { scaled } from './helpers/limits.ts'
import { freePort } from './helpers/ports.ts'
import { httpServer } from './helpers/server.ts'
import { type SwarmAgents, startSwarmAgents } from './helpers/swarm-agents.ts'
import type { SwarmContainer } from './helpers/swarm-engine.ts'
import { until } from './helpers/until.ts'
import { ask } from './web/agent.ts'

vi.setConfig({ testTimeout: scaled(60_000), hookTimeout: scaled(120_000) })

const protobuf = gunzipSync(readFileSync('test/fixtures/protobuf/alertmanager.protobuf.gz'))
const texts = 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1'
const native = `application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,${texts}`

const nodes = [0, 1] as const
const hostnames = ['alpha', 'beta']
const cleanup = new AsyncDisposableStack()
const hanging: (() => void)[] = []
let swarm: SwarmAgents
/** The ports of each container, the first endpoint's first. */
const ports = new Map<string, readonly number[]>()

/** What it answers depends on port and path, and on nothing else but Accept. */
async function serve(container: string): Promise<number> {
  const server = await httpServer((request, response) => {
    const path = new URL(request.url!, 'http://container')
    if (path.pathname === '/hangs') return void hanging.push(() => response.end('late 1\n'))
    if (path.pathname === '/broken') return response.end('<html>no metrics')
    const isProtobuf =
      path.pathname === '/both' && /^[^,]*vnd\.google\.protobuf/.test(request.headers.accept!)
    response.setHeader('content-type', contentTypeOf(isProtobuf ? 'protobuf' : 'text/0.0.4'))
    return response.end(
      isProtobuf ? protobuf : `at{container="${container}",path=${JSON.stringify(path.href.slice(16))}} 1\n`,
    )
  })
  cleanup.use(server)
  return server.port
}

async function container(name: string, node: number, count: number, more: Partial<SwarmContainer> = {}) {
  const own = await Promise.all(Array.from({ length: count }, () => serve(name)))
  ports.set(name, own)
  const further = own.slice(1).map((port, at) => [`app-metrics-proxy.port.${at + 2}`, `${port}`])
  const labels = { ...Object.fromEntries(further), ...more.labels }
  return { node, port: own[0]!, ...(!more.task && { name }), ...more, labels } satisfies SwarmContainer
}

const web = (slot: number) => ({
  stack: 'shop',
  service: 'web',
  slot,
  labels: { 'app-metrics-proxy.path.2': '/second?of=web', 'app-metrics-proxy.job.2': 'second' },
})

beforeAll(async () => {
  swarm = await startSwarmAgents(
    hostnames,
    await Promise.all([
      container('two', 1, 2, {
        labels: { 'app-metrics-proxy.path.2': '/both', 'app-metrics-proxy.param.2.module': 'deep' },
      }),
      container('failing', 1, 3, {
        labels: {
          'app-metrics-proxy.path.2': '/broken',
          'app-metrics-proxy.port.4': `${await freePort()}`,
          'app-metrics-proxy.port.5': 'x',
        },
      }),
      container('hanging', 0, 2, { labels: { 'app-metrics-proxy.path.2': '/hangs' } }),
      container('web1', 0, 1, { task: web(1) }),
      container('web2', 1, 1, { task: web(2) }),
      container('glob0', 0, 2, { task: { stack: 'shop', service: 'glob' } }),
      container('glob1', 1, 2, { task: { stack: 'shop', service: 'glob' } }),
    ]),
  )
  cleanup.defer(swarm.stop)
})
afterAll(async () => {
  for (const end of hanging) end()
  await cleanup.disposeAsync()
})

const portOf = (name: string, endpoint = 1) => ports.get(name)![endpoint - 1]!
const get = (node: number, path: string, accept = texts) =>
  ask(swarm.agents[node]!.port, path, { headers: { accept } })
const direct = (name: string, endpoint: number, path: string, accept = texts) =>
  ask(portOf(name, endpoint), path, { headers: { accept } })

interface Listed {
  readonly targets: readonly [string]
  readonly labels: Readonly<Record<string, string>>
}
const listOf = async (node: number): Promise<readonly Listed[]> => JSON.parse((await get(node, '/sd')).text)

test.each(nodes)('each endpoint is the container’s own bytes, at node %d', async (node) => {
  const pages = [
    ['/two/metrics', 'two', 1, '/metrics'],
    ['/two/metrics?endpoint=1', 'two', 1, '/metrics'],
    ['/two/metrics?endpoint=2', 'two', 2, '/both?module=deep'],
    ['/two/beta/metrics?endpoint=2', 'two', 2, '/both?module=deep'],
    ['/failing/metrics', 'failing', 1, '/metrics'],
    ['/failing/metrics?endpoint=3', 'failing', 3, '/metrics'],
    ['/hanging/metrics', 'hanging', 1, '/metrics'],
    ['/shop_web/2/metrics', 'web2', 1, '/metrics'],
    ['/shop_web/2/metrics?endpoint=2', 'web2', 1, '/second?of=web'],
    ['/web/1/metrics?endpoint=2', 'web1', 1, '/second?of=web'],
    ['/shop_glob/metrics?endpoint=2', `glob${node}`, 2, '/metrics'],
    ['/shop_glob/alpha/metrics?endpoint=2', 'glob0', 2, '/metrics'],
    ['/shop_glob/beta/metrics', 'glob1', 1, '/metrics'],
  ] as const
  for (const [path, name, endpoint, own] of pages) {
    const [given, expected] = [await get(node, path), await direct(name, endpoint, own)]
    expect([path, given.status, given.headers.age, given.text]).toEqual([path, 200, undefined, expected.text])
  }
})

test.each(nodes)('protobuf of a second endpoint is the container’s own, at node %d', async (node) => {
  const { status, headers, body } = await get(node, '/two/metrics?endpoint=2', native)
  expect([status, headers['content-type'], headers.age]).toEqual([
    200,
    contentTypeOf('protobuf', 'underscores'),
    undefined,
  ])
  expect(body.equals(protobuf)).toBe(true)
  expect((await get(node, '/two/metrics', texts)).text).toBe((await direct('two', 1, '/metrics')).text)
})

test.each(nodes)('a service’s page merges the same endpoint of its replicas, at node %d', async (node) => {
  const { status, text } = await get(node, '/shop_web/metrics?endpoint=2')
  expect(status).toBe(200)
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  expect(samples.toSorted()).toEqual([
    'app_metrics_proxy_replica_up{slot="1"} 1',
    'app_metrics_proxy_replica_up{slot="2"} 1',
    'at{slot="1",container="web1",path="/second?of=web"} 1',
    'at{slot="2",container="web2",path="/second?of=web"} 1',
  ])
  const own = await get(node, '/shop_web/metrics?endpoint=2&scope=node')
  expect(own.text.match(/container="web\d"/g)).toEqual([`container="web${node + 1}"`])
})

test.each(nodes)(
  'an endpoint that isn’t there is a 404 that names those that are, at node %d',
  async (node) => {
    const { status, text } = await get(node, '/failing/metrics?endpoint=7')
    expect([status, text]).toEqual([
      404,
      '"failing" has no endpoint 7\nrequest one of /failing/metrics /failing/metrics?endpoint=2 /failing/metrics?endpoint=3 /failing/metrics?endpoint=4\n',
    ])
    expect(await get(node, '/shop_web/2/metrics?endpoint=9')).toMatchObject({
      status: 404,
      text: expect.stringContaining('request one of /shop_web/2/metrics /shop_web/2/metrics?endpoint=2\n'),
    })
    expect(await get(node, '/app-metrics-proxy/alpha/metrics?endpoint=2')).toMatchObject({
      status: 404,
      text: expect.stringContaining('request /app-metrics-proxy/alpha/metrics\n'),
    })
    for (const wrong of ['0', '10', 'x', '', '2&endpoint=3'])
      expect((await get(node, `/two/metrics?endpoint=${wrong}`)).status, wrong).toBe(400)
  },
)

test.each(nodes)(
  'one that fails or hangs is an error of its own and delays no other, at node %d',
  async (node) => {
    expect(await get(node, '/failing/metrics?endpoint=2')).toMatchObject({
      status: 502,
      text: expect.stringContaining('answered HTML'),
    })
    expect(await get(node, '/failing/metrics?endpoint=4')).toMatchObject({
      status: 502,
      text: expect.stringMatching(/closed.*app-metrics-proxy\.port\.4/s),
    })
    const hung = ask(swarm.agents[node]!.port, '/hanging/metrics?endpoint=2', {
      headers: { 'x-prometheus-scrape-timeout-seconds': '1' },
    })
    const before = performance.now()
    expect((await get(node, '/hanging/metrics')).status).toBe(200)
    expect(performance.now() - before).toBeLessThan(scaled(900))
    expect([502, 503, 504]).toContain((await hung).status)
  },
)

test('/sd lists each endpoint, and each is what its container answers', async () => {
  const lists = await Promise.all(nodes.map(listOf))
  expect(lists[1]).toEqual(lists[0])
  const listed = lists[0]!.filter(({ labels }) => labels.job !== 'app-metrics-proxy')
  const short = listed.map(({ labels }) => [
    labels.job,
    labels.instance,
    labels.__metrics_path__,
    labels.__param_endpoint,
  ])
  const port = (name: string, endpoint: number) => `:${portOf(name, endpoint)}`
  const glob = (at: number) => [
    ['shop_glob', `shop_glob@${hostnames[at]}`, `/shop_glob/${hostnames[at]}/metrics`, undefined],
    [
      'shop_glob',
      `shop_glob@${hostnames[at]}${port(`glob${at}`, 2)}`,
      `/shop_glob/${hostnames[at]}/metrics`,
      '2',
    ],
  ]
  const failing = [2, 3, 4].map((n) => [
    'failing',
    expect.stringMatching(/^failing@beta:\d+$/),
    '/failing/beta/metrics',
    `${n}`,
  ])
  const expected = [
    ['failing', 'failing@beta', '/failing/beta/metrics', undefined],
    ...failing,
    ['hanging', 'hanging@alpha', '/hanging/alpha/metrics', undefined],
    ['hanging', `hanging@alpha${port('hanging', 2)}`, '/hanging/alpha/metrics', '2'],
    ['second', 'shop_web.1?endpoint=2', '/shop_web/1/metrics', '2'],
    ['second', 'shop_web.2?endpoint=2', '/shop_web/2/metrics', '2'],
    ...glob(0),
    ...glob(1),
    ['shop_web', 'shop_web.1', '/shop_web/1/metrics', undefined],
    ['shop_web', 'shop_web.2', '/shop_web/2/metrics', undefined],
    ['two', 'two@beta', '/two/beta/metrics', undefined],
    ['two', `two@beta${port('two', 2)}`, '/two/beta/metrics', '2'],
  ]
  expect(short).toHaveLength(expected.length)
  expect(short).toEqual(expect.arrayContaining(expected))
})

test.each(nodes)('the status tells the endpoints apart, with reason and fix, at node %d', async (node) => {
  const read = async () => JSON.parse((await get(node, '/', 'application/json')).text) as Status
  const status = await until('all targets', async () => {
    const now = await read()
    return now.targets.every(({ state }) => state !== 'searching') && now
  })
  const shown = (name: string) =>
    status.targets
      .filter((target) => target.name === name)
      .map(({ endpointNumber, instance, path, state }) => ({ endpointNumber, instance, path, state }))
  expect(shown('two')).toEqual([
    { instance: 'two@beta', path: '/two/beta/metrics', state: 'up' },
    {
      endpointNumber: 2,
      instance: `two@beta:${portOf('two', 2)}`,
      path: '/two/beta/metrics?endpoint=2',
      state: 'up',
    },
  ])
  const failing = status.targets.filter((target) => target.name === 'failing')
  expect(failing.map(({ state }) => state)).toEqual(['up', 'unscraped', 'up', 'unscraped'])
  expect(failing[3]!.failure).toMatchObject({
    reason: expect.stringContaining('is closed'),
    hint: expect.stringContaining('app-metrics-proxy.port.4'),
  })
  expect(failing.flatMap(({ remarks }) => remarks)).toEqual([
    'app-metrics-proxy.port.5="x" (container label): must be a port from 1 to 65535',
  ])
  for (const { key, path, state } of status.targets.filter(
    ({ endpointNumber }) => endpointNumber !== undefined,
  )) {
    const details = JSON.parse(
      (await get(node, `/?target=${encodeURIComponent(key)}`, 'application/json')).text,
    )
    expect(details.target.path).toBe(path)
    expect(details.discovery.labels.__param_endpoint, key).toBe(path.at(-1))
    if (state === 'up') expect(details.metrics.series, key).toBeGreaterThan(0)
  }
})

test('a container with several endpoints is one container in the metrics of its node', async () => {
  const { text } = await get(1, '/metrics')
  expect(text.match(/^app_metrics_proxy_container_info\{container="failing"/gm)).toHaveLength(1)
  expect(text).toMatch(/^app_metrics_proxy_targets\{node="beta",node_id="node1id",state="unscraped"\} 2$/m)
})

test('there was no internal error', () => {
  expect(swarm.internalErrors).toEqual([])
})
