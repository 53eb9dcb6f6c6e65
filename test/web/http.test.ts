// docs/HTTP.md is what the code does: every route has its section, every status that it states is provoked, and
// every header that is then sent, or that the code reads, is listed.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { errorOf } from '../../src/errors.ts'
import { createLog } from '../../src/logging/log.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { openGuard } from '../../src/web/auth/guard.ts'
import { startServer } from '../../src/web/server.ts'
import { container, healthy, place, type Scene, startScene } from '../helpers/scene.ts'
import { type Responder, startResponder } from '../prometheus/parts/cluster.ts'
import { node, standalone, task } from '../store/world.ts'
import { type Agent, type AskOptions, ask, failed, type Response, read, startAgent } from './agent.ts'

const manual = readFileSync('docs/HTTP.md', 'utf8')

/** Each section under Paths, with the statuses that it states. */
const stated = new Map(
  manual
    .split('## Parameters')[0]!
    .split(/^### /m)
    .slice(1)
    .map((section) => [
      section.split('\n')[0]!.replaceAll('`', ''),
      [...section.matchAll(/^\| (\d{3}) /gm)].map(([, status]) => Number(status)),
    ]),
)

const folder = mkdtempSync(join(tmpdir(), 'http-'))
const log = createLog('silent')
const shown = container('n1', 'shop_web.1.x', place('shop_web', '1'))
let agent: Agent
let early: Agent
let outside: Agent
let scene: Scene
/** Without memory for details. */
let short: Scene
let responder: Responder
const parts: { stop(): Promise<unknown> }[] = []
const seen = new Set<string>()

beforeAll(async () => {
  const failures = { refused: 'connection_refused', late: 'timeout', broken: 'internal' } as const
  const replicas = Object.keys(failures).map((name) => task('n1', `demo_${name}`, 1))
  const entries = [
    ...['web', ...Object.keys(failures)].map((name) => standalone('n1', name)),
    ...[standalone('n2', 'twice'), standalone('n3', 'twice'), standalone('n1', 'mute', { isSearched: true })],
    ...[task('n1', 'demo_web', 1), ...replicas, task('n1', 'one_same', 1), task('n1', 'two_same', 1)],
  ].map((entry) => (entry.target.name === 'mute' ? { ...entry, probeResult: unscraped } : entry))
  agent = await startAgent({
    entries,
    nodes: [node('n1', 'one', 'self'), node('n2', 'two'), node('n3', 'three')],
    async refresh({ target }) {
      const name = Object.keys(failures).find((one) => target.name.includes(one)) as keyof typeof failures
      if (name === 'broken') throw errorOf({ code: 'internal', reason: 'a fault of another agent' })
      return name ? failed(failures[name] as 'connection_refused' | 'timeout', failures[name]) : read('x 1\n')
    },
  })
  early = await startAgent({ pending: () => ['peers'], pendingForReady: () => ['peers'] })
  const own = node('n1', 'one', 'self')
  outside = await startAgent({ nodes: [{ ...own, self: { ...own.self, swarm: false } }] })
  scene = await startScene({ entries: [healthy(shown)] })
  short = await startScene({
    entries: [healthy(shown)],
    reserve: () => Promise.reject(errorOf({ code: 'overloaded', reason: 'no memory' })),
  })
  responder = await startResponder('demo')
  responder.learn({})
  parts.push(agent, early, outside, scene, short, responder)
})
afterAll(async () => {
  for (const part of parts) await part.stop()
  rmSync(folder, { recursive: true })
})

const unscraped = {
  kind: 'not_found',
  failure: { code: 'no_metrics', reason: 'ports 80, 8080 and 9100 are closed' },
} as const

/** A server behind this web configuration; its port. */
async function guarded(config: string): Promise<number> {
  const file = join(folder, `${parts.length}.yml`)
  writeFileSync(file, config)
  const guard = openGuard({ file, clock: systemClock, log })
  const options = { port: 0, host: '127.0.0.1', clock: systemClock, log, metrics: createMetrics() }
  const server = await startServer({ ...options, guard, plugins: [] })
  parts.push(server, guard)
  return server.port
}
const alone = async (config: string) => ask(await guarded(config), '/')
async function twice(config: string): Promise<Response> {
  const port = await guarded(config)
  await ask(port, '/')
  return ask(port, '/')
}
const user = `basic_auth_users: { alice: "${hashSync('right', 4)}" }`

const json = { accept: 'application/json' }
const at = (path: string, options?: AskOptions) => () => agent.ask(path, options)
const page = (path: string, headers = {}) => ask(scene.port, path, { headers })
const listed = (path: string, headers = {}) => ask(Number(new URL(responder.url).port), path, { headers })
async function again(get: (headers: object) => Promise<Response>): Promise<Response> {
  return get({ 'if-none-match': String((await get({})).headers.etag) })
}
async function awaited(path: string): Promise<Response> {
  responder.awaited = ['peers']
  try {
    return await listed(path)
  } finally {
    responder.awaited = []
  }
}
const pages = (name: string, last: string) => `/${name}${last}/metrics`

/** The same for a service and for one replica of it. */
const ofPages = (last: string, unknown: string): Record<number, () => Promise<Response>> => ({
  200: at(pages('demo_web', last)),
  400: at(`${pages('demo_web', last)}?scope=nodes`),
  404: at(unknown),
  409: at(last === '' ? '/same/metrics' : '/same/1/metrics'),
  500: at(pages('demo_broken', last)),
  502: at(pages('demo_refused', last)),
  503: () => early.ask(pages('demo_web', last)),
  504: at(pages('demo_late', last)),
})

const provoked: Readonly<Record<string, Readonly<Record<number, () => Promise<Response>>>>> = {
  '/<name>/metrics': ofPages('', '/nobody/metrics'),
  '/<name>/<replica>/metrics': ofPages('/1', '/demo_web/7/metrics'),
  '/metrics': { 200: at('/metrics') },
  '/-/swarm': {
    200: at('/-/swarm'),
    404: () => outside.ask('/-/swarm'),
    503: () => early.ask('/-/swarm'),
  },
  '/': {
    200: () => page('/', json),
    304: () => again((headers) => page('/', headers)),
    404: () => page('/?target=n1/none', json),
    503: () => ask(short.port, `/?target=n1/${shown.id}`, { headers: json }),
  },
  '/-/page/<file>': {
    200: () => page('/-/page/main.js'),
    304: () => again((headers) => page('/-/page/main.js', headers)),
    404: () => page('/-/page/other.js'),
  },
  '/-/docs': { 302: () => page('/-/docs') },
  '/-/docs/*': {
    200: () => page('/-/docs/LABELS.md'),
    304: () => again((headers) => page('/-/docs/LABELS.md', headers)),
    404: () => page('/-/docs/NONE.md'),
  },
  '/sd': {
    200: () => listed('/sd'),
    304: () => again((headers) => listed('/sd', headers)),
    400: () => listed('/sd?jobs=web'),
    503: () => awaited('/sd'),
  },
  '/rules': {
    200: () => listed('/rules'),
    304: () => again((headers) => listed('/rules', headers)),
    503: () => awaited('/rules'),
  },
  '/-/healthy': { 200: at('/-/healthy') },
  '/-/ready': { 200: at('/-/ready'), 503: () => early.ask('/-/ready') },
  '/health': { 200: at('/health') },
  'Any path': {
    400: at('/%zz'),
    401: () => alone(user),
    403: () => alone('allowed_addresses: [192.0.2.1]'),
    404: at('/nothing'),
    405: at('/metrics', { method: 'POST' }),
    429: () => twice('rate_limit: { interval: 60s, burst: 1 }'),
    431: at('/metrics', { headers: { 'x-long': 'x'.repeat(20_000) } }),
  },
}

const cases = Object.entries(provoked).flatMap(([path, statuses]) =>
  Object.entries(statuses).map(([status, provoke]) => ({ path, status: Number(status), provoke })),
)

describe('what docs/HTTP.md states', () => {
  test.each(cases)('$path $status', async ({ status, provoke }) => {
    const answer = await provoke()
    expect([answer.status, answer.text]).toEqual([status, expect.anything()])
    for (const name of Object.keys(answer.headers)) seen.add(name)
    if (status >= 400) expect(answer.headers['content-type']).toMatch(/^text\/plain/)
  })

  test('is exactly what is tested here', () => {
    const own = Object.entries(provoked).map(([path, statuses]) => [path, Object.keys(statuses).map(Number)])
    expect(Object.fromEntries(stated)).toEqual(Object.fromEntries(own))
  })
})

const sources = [
  'src/agent/agent.ts',
  ...['web', 'sd', 'rules', 'status', 'http']
    .flatMap((folder) =>
      readdirSync(`src/${folder}`, { recursive: true }).map((name) => `src/${folder}/${name}`),
    )
    .filter((name) => name.endsWith('.ts')),
].map((file) => readFileSync(file, 'utf8'))
const inSources = (pattern: RegExp) =>
  new Set(sources.flatMap((text) => [...text.matchAll(pattern)].map(([, ...found]) => found.find(Boolean)!)))

test('every route that the code adds has a section', () => {
  const routes = inSources(
    /\b(?:server|instance)\.\w+(?:<.*?>)?\(\s*'(\/[^']*)'|serveDocument\(server, '([^']+)'/g,
  )
  const documented = [...stated.keys()].filter((path) => path.startsWith('/'))
  const named = [...routes].map((route) => route.replaceAll(/:(\w+)/g, '<$1>'))
  expect(named.toSorted()).toEqual(documented.toSorted())
})

test('every header that the code reads or sends is explained', () => {
  const table = manual.slice(manual.indexOf('## Request headers'), manual.indexOf('## Errors'))
  const explained = new Set([...table.matchAll(/`([A-Z][\w-]+)`/g)].map(([, name]) => name!.toLowerCase()))
  const reads = inSources(/headers(?:\['([\w-]+)'\]|\.(authorization|accept|host|cookie))/g)
  expect([...reads, ...seen].filter((name) => !explained.has(name) && name !== 'transfer-encoding')).toEqual(
    [],
  )
  expect(seen).toContain('www-authenticate')
  expect(reads).toContain('authorization')
})

test('every parameter that the code reads is explained', () => {
  const table = manual.slice(manual.indexOf('## Parameters'), manual.indexOf('## Request headers'))
  const types = sources
    .join('\n')
    .match(/Querystring: \{[^}]+\}/g)!
    .join()
  const reads = [...types.matchAll(/(\w+)\?:/g)].map(([, name]) => name!)
  expect(reads.toSorted()).toEqual(['endpoint', 'find', 'scope', 'target'])
  for (const name of [...reads, 'job', 'label.<name>']) expect(table).toContain(`\`${name}\``)
})
