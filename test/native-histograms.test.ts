// Native histograms through real agents that are linked over SSH: what a client gets is what the container itself
// answers to that client, on the container's node and on the other one. The containers answer with real metrics of
// Prometheus and Alertmanager, in protobuf or in text, as the client asks.

import { readFileSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { contentTypeOf } from '../src/exposition/formats.ts'
import { decoded, isNative } from './exposition/protobuf/judge.ts'
import { scaled } from './helpers/limits.ts'
import { httpServer } from './helpers/server.ts'
import { type SwarmAgents, startSwarmAgents } from './helpers/swarm-agents.ts'
import type { SwarmContainer } from './helpers/swarm-engine.ts'
import { until } from './helpers/until.ts'
import { ask } from './web/agent.ts'

vi.setConfig({ testTimeout: scaled(60_000), hookTimeout: scaled(120_000) })

const fixture = (name: string) => gunzipSync(readFileSync(`test/fixtures/protobuf/${name}.gz`))

interface Exporter {
  /** Absent: it answers 406 to a client that doesn't list protobuf. */
  readonly text?: Buffer
  readonly protobuf?: Buffer
}

const prometheus = { text: fixture('prometheus.text'), protobuf: fixture('prometheus.protobuf') }
const alertmanager = {
  text: fixture('alertmanager.text'),
  protobuf: fixture('alertmanager.protobuf'),
}
const textOnly = { text: prometheus.text }
const protobufOnly: Exporter = { protobuf: alertmanager.protobuf }
const invalidText: Exporter = { ...alertmanager, text: Buffer.from('# TYPE a counter\na{b="c} 1\n') }
/** It sends protobuf to every client. */
const always: Exporter = { ...alertmanager, text: alertmanager.protobuf }

/** As Prometheus 3 asks with and without `scrape_native_histograms`. */
const texts =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1'
const native = `application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,${texts}`

const placed: readonly (Omit<SwarmContainer, 'port'> & { readonly exporter: Exporter })[] = [
  { node: 0, name: 'prometheus', exporter: prometheus },
  { node: 1, name: 'alertmanager', exporter: alertmanager },
  { node: 1, name: 'plain', exporter: textOnly },
  { node: 1, name: 'cached', exporter: alertmanager, labels: { 'app-metrics-proxy.max-age': 'off' } },
  { node: 0, name: 'unasked', exporter: prometheus },
  ...[0, 1].map((node) => ({
    ...{ node, exporter: prometheus },
    task: { stack: 'shop', service: 'same', slot: node + 1 },
  })),
  { node: 0, exporter: alertmanager, task: { stack: 'shop', service: 'mixed', slot: 1 } },
  { node: 1, exporter: textOnly, task: { stack: 'shop', service: 'mixed', slot: 2 } },
  { node: 0, name: 'only', exporter: protobufOnly },
  { node: 0, name: 'broken', exporter: invalidText },
  { node: 0, name: 'only-cached', exporter: protobufOnly, labels: { 'app-metrics-proxy.max-age': 'off' } },
  { node: 0, name: 'always', exporter: always },
  { node: 0, exporter: protobufOnly, task: { stack: 'shop', service: 'half', slot: 1 } },
  { node: 1, exporter: textOnly, task: { stack: 'shop', service: 'half', slot: 2 } },
]

/** The client names no escaping, as Prometheus doesn't. */
const protobufType = contentTypeOf('protobuf', 'underscores')

const cleanup = new AsyncDisposableStack()
/** The Accept headers that each container got, by its place in `placed`. */
const requests: string[][] = placed.map(() => [])
let swarm: SwarmAgents

beforeAll(async () => {
  const containers = await Promise.all(
    placed.map(async ({ exporter, ...container }, at) => {
      const server = await httpServer((request, response) => {
        const accept = request.headers.accept ?? ''
        requests[at]!.push(accept)
        const isProtobuf = exporter.protobuf !== undefined && /^[^,]*vnd\.google\.protobuf/.test(accept)
        const body = isProtobuf ? exporter.protobuf : exporter.text
        if (!body) {
          response.writeHead(406).end()
          return
        }
        const format = body === exporter.protobuf ? 'protobuf' : 'text/0.0.4'
        response.setHeader('content-type', contentTypeOf(format))
        response.setHeader('content-encoding', 'gzip')
        response.end(gzipSync(body))
      })
      cleanup.use(server)
      return { ...container, port: server.port }
    }),
  )
  swarm = await startSwarmAgents(['alpha', 'beta'], containers)
  cleanup.defer(swarm.stop)
})
afterAll(() => cleanup.disposeAsync())

async function get(node: number, path: string, accept: string) {
  const { status, headers, body } = await ask(swarm.agents[node]!.port, path, { headers: { accept } })
  return { status, type: String(headers['content-type']), age: headers.age, body: Buffer.from(body) }
}

const natives = (body: Buffer) =>
  decoded(body).flatMap(({ name, metric = [] }) =>
    metric.filter(isNative).map(({ label = [], ...one }) => ({ name, metric: { ...one, label } })),
  )

const nodes = [0, 1] as const

test.each(nodes)('a client that asks for text gets the container’s own text, at node %d', async (node) => {
  for (const [name, { text }] of Object.entries({ prometheus, alertmanager })) {
    const { status, type, body } = await get(node, `/${name}/metrics`, texts)
    expect([status, type]).toEqual([200, expect.stringMatching(/^text\/plain/)])
    expect(body.equals(text)).toBe(true)
  }
})

test('protobuf is not requested from a container unless a client requests it', () => {
  const unasked = requests[placed.findIndex(({ name }) => name === 'unasked')]!
  expect(unasked.length).toBeGreaterThan(0)
  expect(unasked.filter((accept) => accept.includes('protobuf'))).toEqual([])
})

test.each(nodes)(
  'a client that prefers protobuf gets the container’s own bytes, at node %d',
  async (node) => {
    for (const [name, { protobuf }] of Object.entries({ prometheus, alertmanager })) {
      const { status, type, age, body } = await get(node, `/${name}/metrics`, native)
      expect([status, type, age]).toEqual([200, protobufType, undefined])
      expect(natives(body).length).toBeGreaterThan(0)
      expect(body.equals(protobuf!)).toBe(true)
    }
  },
)

test.each(nodes)('clients with different wishes do not disturb each other, at node %d', async (node) => {
  const rounds = Array.from({ length: 10 }, () => [
    get(node, '/prometheus/metrics', native),
    get(node, '/prometheus/metrics', texts),
  ])
  for (const [asProtobuf, asText] of await Promise.all(rounds.map((pair) => Promise.all(pair)))) {
    expect(asProtobuf!.body.equals(prometheus.protobuf)).toBe(true)
    expect(asText!.body.equals(prometheus.text)).toBe(true)
  }
})

test.each(nodes)('a container without protobuf answers what it has, at node %d', async (node) => {
  const { status, type, body } = await get(node, '/plain/metrics', native)
  expect([status, type]).toEqual([200, expect.stringMatching(/^text\/plain/)])
  expect(body.equals(textOnly.text)).toBe(true)
})

test.each(nodes)('protobuf comes from the cache where MAX_AGE is off, at node %d', async (node) => {
  for (let time = 0; time < 2; time += 1) {
    const { status, body } = await get(node, '/cached/metrics', native)
    expect([status, body.equals(alertmanager.protobuf)]).toEqual([200, true])
  }
})

test.each(nodes)(
  'a service has the native histograms of all replicas, with their slot, at node %d',
  async (node) => {
    const { status, type, body } = await get(node, '/shop_same/metrics', native)
    expect([status, type]).toEqual([200, protobufType])
    const own = natives(prometheus.protobuf)
    for (const slot of ['1', '2']) {
      const ofSlot = natives(body).flatMap(({ name, metric }) => {
        const label = (metric.label ?? []).find((one) => one.name === 'slot')
        return label?.value === slot
          ? [{ name, metric: { ...metric, label: (metric.label ?? []).filter((one) => one !== label) } }]
          : []
      })
      expect(ofSlot).toEqual(own)
    }
  },
)

test.each(nodes)(
  'a replica that has only text takes no native histogram from the others, at node %d',
  async (node) => {
    const { status, type, body } = await get(node, '/shop_mixed/metrics', native)
    expect([status, type]).toEqual([200, protobufType])
    expect(natives(body).length).toBe(natives(alertmanager.protobuf).length)
    const slots = new Set(
      decoded(body).flatMap(({ metric = [] }) =>
        metric.map(({ label = [] }) => label.find(({ name }) => name === 'slot')?.value),
      ),
    )
    expect(slots).toEqual(new Set(['1', '2']))
  },
)

test.each(nodes)(
  'a container without valid text is found, and fails only for clients of text, at node %d',
  async (node) => {
    for (const [name, reason] of [
      ['only', 'answered 406'],
      ['broken', 'answered no valid metrics: line 2'],
      ['only-cached', 'answered 406'],
    ]) {
      const asText = await get(node, `/${name}/metrics`, texts)
      expect([name, asText.status, `${asText.body}`]).toEqual([name, 502, expect.stringContaining(reason!)])
      const { status, type, body } = await get(node, `/${name}/metrics`, native)
      expect([name, status, type]).toEqual([name, 200, protobufType])
      expect(body.equals(alertmanager.protobuf)).toBe(true)
    }
  },
)

test.each(nodes)('a container that sends protobuf to all is converted to text, at node %d', async (node) => {
  const asText = await get(node, '/always/metrics', texts)
  expect([asText.status, asText.type]).toEqual([200, expect.stringMatching(/^application\/openmetrics-text/)])
  expect(`${asText.body}`).toMatch(/^alertmanager_alerts\{/m)
  const { type, body } = await get(node, '/always/metrics', native)
  expect([type, body.equals(alertmanager.protobuf)]).toEqual([protobufType, true])
})

test.each(nodes)(
  'a replica without text is down for clients of text, and up for those of protobuf, at node %d',
  async (node) => {
    const asText = await get(node, '/shop_half/metrics', texts)
    expect(`${asText.body}`).toContain('app_metrics_proxy_replica_up{slot="1"} 0\n')
    const { status, type, body } = await get(node, '/shop_half/metrics', native)
    expect([status, type]).toEqual([200, protobufType])
    const up = decoded(body).find(({ name }) => name === 'app_metrics_proxy_replica_up')?.metric ?? []
    expect(up.map(({ gauge }) => gauge?.value)).toEqual([1, 1])
    expect(natives(body).length).toBe(natives(alertmanager.protobuf).length)
  },
)

test.each(nodes)(
  'the status shows a container without text as up while protobuf is scraped, at node %d',
  async (node) => {
    await get(node, '/broken/metrics', native)
    await get(node, '/broken/metrics', texts)
    const shown = await until('the status of both', () => status(node, 'broken'))
    expect(shown).toMatchObject({ state: 'up', format: 'protobuf' })
  },
)

test.each(nodes)('the status shows what was scraped last, of both kinds, at node %d', async (node) => {
  // a response may be a live snapshot of before the other kind's
  const shown = (accept: string, format: string) =>
    until(`the status to show ${format}`, async () => {
      await get(node, '/prometheus/metrics', accept)
      const target = await status(node)
      return target?.format === format && target
    })
  expect(await shown(native, 'protobuf')).toMatchObject({ state: 'up', bytes: prometheus.protobuf.length })
  expect(await shown(texts, 'text/0.0.4')).toMatchObject({ state: 'up', bytes: prometheus.text.length })
})

test.each(nodes)(
  'the agent’s metrics count all targets by the states of the status, at node %d',
  async (node) => {
    await until('the same counts', async () => {
      for (const accept of [native, texts]) await get(node, '/broken/metrics', accept)
      const { targets } = JSON.parse(`${(await get(node, '/', 'application/json')).body}`)
      const byState = Map.groupBy(
        targets as { node: string; state: string }[],
        ({ node, state }) => `${node} ${state}`,
      )
      const shown = [...byState].map(([key, { length }]) => `${key} ${length}`)
      const metrics = `${(await get(node, '/metrics', texts)).body}`
      const samples = metrics.matchAll(/^app_metrics_proxy_targets\{node="(.*?)",.*state="(.*?)"\} (\d+)$/gm)
      const counted = [...samples].map(([, node, state, count]) => `${node} ${state} ${count}`)
      return `${shown.sort()}` === `${counted.sort()}` && shown
    })
  },
)

async function status(node: number, container = 'prometheus') {
  const { targets } = JSON.parse(`${(await get(node, '/', 'application/json')).body}`)
  return (targets as { name: string; format?: string }[]).find(({ name }) => name === container)
}

test('the cache has protobuf while the container’s agent is down', async () => {
  for (const name of ['prometheus', 'broken']) await get(1, `/${name}/metrics`, native)
  await swarm.agents[0]!.stop()
  await until(
    'the link to be lost',
    async () => (await get(1, '/prometheus/metrics', native)).age !== undefined,
  )
  const { status, type, body } = await get(1, '/prometheus/metrics', native)
  expect([status, type, body.equals(prometheus.protobuf)]).toEqual([200, protobufType, true])
  const broken = await Promise.all([native, texts].map((accept) => get(1, '/broken/metrics', accept)))
  expect(broken.map((answer) => answer.status)).toEqual([200, 502])
})

test('no agent met an internal error', () => {
  expect(swarm.internalErrors).toEqual([])
})
