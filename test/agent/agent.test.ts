// The whole agent in one process, without Docker: real applications, real scrapes, real answers.

import { afterEach, describe, expect, test } from 'vitest'
import { type Agent, startAgent } from '../../src/agent/agent.ts'
import { systemClock as clock } from '../../src/clock.ts'
import { readConfig } from '../../src/config/config.ts'
import { createLog } from '../../src/logging/log.ts'
import type { Status } from '../../src/status/shape.ts'
import { httpServer, type RunningServer } from '../helpers/server.ts'
import { startSwarmAgents } from '../helpers/swarm-agents.ts'
import { until } from '../helpers/until.ts'

const running: Agent[] = []
const applications: RunningServer[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.stop()))
  await endApplications()
})

async function endApplications(): Promise<void> {
  for (const server of applications.splice(0)) await server[Symbol.asyncDispose]()
}

async function application(body: () => string, type?: string): Promise<string> {
  const server = await httpServer((_request, response) => {
    if (type) response.setHeader('content-type', type)
    response.end(body())
  })
  applications.push(server)
  return server.url
}

async function agent(environment: Record<string, string>, log = createLog('silent')): Promise<string> {
  const config = { ...readConfig({ NODE_NAME: 'n1', ...environment }), listenPort: 0, sshPort: 0 }
  const app = await startAgent({ config, clock, log, version: 'test' })
  running.push(app)
  return `http://127.0.0.1:${app.port}`
}

const answer = async (url: string) => {
  const response = await fetch(url)
  return { status: response.status, text: await response.text(), headers: response.headers }
}

const ready = (base: string) =>
  until('the agent to be ready', async () => (await fetch(`${base}/-/ready`)).ok)

describe('one agent', () => {
  test('answers with what the container says at this moment', async () => {
    let count = 0
    const url = await application(() => `scrapes_total ${++count}\n`)
    const base = await agent({ TARGETS: `app=${url}`, MAX_AGE: '0' })
    await ready(base)
    const first = await answer(`${base}/app/metrics`)
    const second = await answer(`${base}/app/metrics`)
    expect(first.status).toBe(200)
    expect(second.text).toBe(`scrapes_total ${Number(first.text.split(' ')[1]) + 1}\n`)
  })

  test('reads a container that it finds once, not once more for the schedule', async () => {
    let scrapes = 0
    const url = await application(() => `scrapes_total ${++scrapes}\n`)
    const base = await agent({ TARGETS: `app=${url}`, MAX_AGE: 'off', SCRAPE_INTERVAL: '3600' })
    await ready(base)
    await until('its page', async () => (await answer(`${base}/app/metrics`)).status === 200)
    await clock.sleep(200)
    expect((await answer(`${base}/app/metrics`)).text).toBe('scrapes_total 1\n')
    expect(scrapes).toBe(1)
  })

  test('serves what has no type, no newline and no TYPE lines so that Prometheus takes it', async () => {
    const url = await application(() => 'connections 3\nerror_count 0')
    const base = await agent({ TARGETS: `chat=${url}` })
    await ready(base)
    const { text, headers } = await answer(`${base}/chat/metrics`)
    expect(text.trimEnd()).toBe('connections 3\nerror_count 0')
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  })

  test('says why a page of HTML is not scraped', async () => {
    const url = await application(() => '<!doctype html><h1>hello</h1>', 'text/html')
    const base = await agent({ TARGETS: `blog=${url}` })
    await ready(base)
    const { status, text } = await answer(`${base}/blog/metrics`)
    expect([status, text]).toEqual([502, expect.stringMatching(/answered HTML, not metrics/)])
  })

  test('reports at once when a container has died, and never from the cache', async () => {
    const url = await application(() => 'x 1\n')
    const base = await agent({ TARGETS: `app=${url}` })
    await ready(base)
    expect((await answer(`${base}/app/metrics`)).status).toBe(200)
    await endApplications()
    await clock.sleep(150)
    expect(await answer(`${base}/app/metrics`)).toMatchObject({
      status: 502,
      text: expect.stringMatching(/refused/),
    })
  })

  test('its own metrics are a page like any other', async () => {
    const base = await agent({ TARGETS: `app=${await application(() => 'x 1\n')}` })
    await ready(base)
    const { text } = await answer(`${base}/app-metrics-proxy/n1/metrics`)
    expect(text).toMatch(/^app_metrics_proxy_build_info\{version="test"\} 1$/m)
  })

  test('logs one line when it is ready, with what it has found, and its node and cluster on each line', async () => {
    const lines: { msg: string; node?: string; cluster?: string }[] = []
    const log = createLog('info', (line) => lines.push(JSON.parse(line)))
    const [app, page] = [await application(() => 'x 1\n'), await application(() => '<html>', 'text/html')]
    const base = await agent({ TARGETS: `app=${app} page=${page}` }, log)
    await ready(base)
    await until('the line', () => lines.some(({ msg }) => msg === 'ready'))
    const readyLines = lines.filter(({ msg }) => msg === 'ready')
    expect(readyLines).toMatchObject([{ node: 'n1', containers: 2, targets: 1, peers: 0 }])
    expect(lines.filter(({ node, cluster }) => node !== 'n1' || cluster !== 'n1')).toEqual([])
  })

  test('in a Swarm logs no other cluster than the one that a manager has sent', async () => {
    const lines: { node?: string; cluster?: string }[] = []
    const swarm = await startSwarmAgents(['alpha', 'beta'], [], (line) => lines.push(JSON.parse(line)))
    await swarm.stop()
    const clusters = new Set(lines.flatMap(({ cluster }) => cluster ?? []))
    expect([clusters.size, clusters.has('alpha'), clusters.has('beta')]).toEqual([1, false, false])
    expect(new Set(lines.flatMap(({ node }) => node ?? []))).toEqual(new Set(['alpha', 'beta']))
  })

  test('lists its clients, with format and interval, but not the status page’s', async () => {
    const base = await agent({ TARGETS: `app=${await application(() => 'x 1\n')}` })
    await ready(base)
    const headers = { 'user-agent': 'Prometheus/3.5.0', accept: 'application/openmetrics-text;version=1.0.0' }
    for (const path of ['/app/metrics', '/sd', '/nothing/metrics', '/-/healthy', '/health', '/app/metrics'])
      await fetch(`${base}${path}`, { headers })
    await fetch(base, { headers: { 'user-agent': 'page', accept: 'application/json' } })
    const status = (await (await fetch(base, { headers: { accept: 'application/json' } })).json()) as Status
    const client = { address: '127.0.0.1', userAgent: 'Prometheus/3.5.0' }
    expect(status.clients).toEqual([
      {
        ...{ ...client, subject: 'metrics', format: 'openmetrics/1.0.0' },
        ...{ interval: expect.any(Number), last: expect.any(Number) },
      },
      { ...client, subject: 'targets', format: 'json', last: expect.any(Number) },
    ])
    expect(status.clients[0]!.last).toBeLessThanOrEqual(status.time)
  })

  test('lists its targets for Prometheus, each once', async () => {
    const base = await agent({ TARGETS: `app=${await application(() => 'x 1\n')}`, CLUSTER: 'here' })
    await ready(base)
    const listed = (await (await fetch(`${base}/sd`)).json()) as { labels: Record<string, string> }[]
    expect(listed.map(({ labels }) => `${labels.job} ${labels.instance} ${labels.cluster}`).sort()).toEqual([
      'app app@n1 here',
      'app-metrics-proxy app-metrics-proxy@n1 here',
    ])
  })

  test('sends the credentials of TARGETS to their URL only, and shows them nowhere', async () => {
    const authorizations = new Set<string | undefined>()
    const elsewhere = new Set<string | undefined>()
    const other = await httpServer(({ headers }, response) => {
      elsewhere.add(headers.authorization)
      response.end('y 1\n')
    })
    const server = await httpServer(({ url, headers }, response) => {
      authorizations.add(headers.authorization)
      if (url === '/metrics') return response.writeHead(302, { location: '/moved' }).end()
      if (url === '/away') return response.writeHead(302, { location: other.url }).end()
      if (url === '/named')
        return response.writeHead(302, { location: 'http://alice:hunter2@192.0.2.1/' }).end()
      response.end('x 1\n')
    })
    applications.push(server, other)
    const urlOf = (path: string) => `http://alice:hunter%32%C3%A9@127.0.0.1:${server.port}/${path}`
    const lines: string[] = []
    const targets = ['metrics', 'away', 'named'].map((path) => `${path}=${urlOf(path)}`)
    const base = await agent(
      { TARGETS: `${targets.join(' ')} other=${other.url}`, SSHPASS: 'hunter2hunter2hunter2' },
      createLog('debug', (line) => lines.push(line)),
    )
    await ready(base)
    expect(await answer(`${base}/metrics/metrics`)).toMatchObject({ status: 200, text: 'x 1\n' })
    const shown = [(await answer(`${base}/away/metrics`)).text, (await answer(`${base}/named/metrics`)).text]
    const json = { headers: { accept: 'application/json' } }
    const status = await (await fetch(`${base}/`, json)).text()
    for (const { key } of JSON.parse(status).targets as { key: string }[])
      shown.push(await (await fetch(`${base}/?target=${encodeURIComponent(key)}`, json)).text())
    for (const path of [
      '/',
      '/sd',
      '/rules',
      '/health',
      '/metrics',
      '/nothing',
      '/app-metrics-proxy/metrics',
    ])
      shown.push((await answer(base + path)).text)
    const said = [...shown, status, ...lines].join('\n')
    expect(said).toContain(`http://127.0.0.1:${server.port}/metrics`)
    expect(said).not.toMatch(/hunter|alice/)
    expect(said).not.toContain(Buffer.from('alice:hunter2é').toString('base64'))
    expect([...authorizations]).toEqual([`Basic ${Buffer.from('alice:hunter2é').toString('base64')}`])
    expect([...elsewhere]).toEqual([undefined])
  })

  test('stops once and for all, and frees its port', async () => {
    const base = await agent({ TARGETS: `app=${await application(() => 'x 1\n')}` })
    await ready(base)
    await running.splice(0)[0]?.stop()
    await expect(fetch(`${base}/-/healthy`)).rejects.toThrow()
  })
})
