// What the agents answer, held against what the containers themselves answer, sample by sample: each kind of path, on
// each node, for each kind of container and of client. Real agents, linked over SSH; real HTTP on both sides.

import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Agent, startAgent } from '../src/agent/agent.ts'
import { systemClock as clock } from '../src/clock.ts'
import { readConfig } from '../src/config/config.ts'
import { announcedFormat } from '../src/exposition/formats.ts'
import { createLog } from '../src/logging/log.ts'
import type { Format } from '../src/model.ts'
import { exporters } from './exposition/corpus/corpus.ts'
import { type Meant, samplesOf, seriesOf } from './exposition/corpus/meaning.ts'
import { scaled } from './helpers/limits.ts'
import { freePort } from './helpers/ports.ts'
import { httpServer, type RunningServer } from './helpers/server.ts'
import { type SwarmContainer, startSwarmEngines } from './helpers/swarm-engine.ts'
import { until } from './helpers/until.ts'
import { ask, type Response } from './web/agent.ts'

vi.setConfig({ testTimeout: scaled(300_000), hookTimeout: scaled(300_000) })

const nodes = ['alpha', 'beta'] as const

/** What a container answers, always the same. */
interface Given {
  readonly format: Format
  readonly body: Buffer
  readonly gzip: boolean
  readonly contentType: string | undefined
}

const types: Readonly<Record<Format, string>> = {
  'text/0.0.4': 'text/plain; version=0.0.4; charset=utf-8',
  'text/1.0.0': 'text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8',
  'openmetrics/0.0.1': 'application/openmetrics-text; version=0.0.1; charset=utf-8',
  'openmetrics/1.0.0': 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  protobuf: 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
}

const text = `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{code="200"} 7
requests_total{code="500"} 1e-05
# TYPE took histogram
took_bucket{le="0.5"} 3
took_bucket{le="+Inf"} 4
took_sum 2.5
took_count 4
`
const openMetrics = `# TYPE requests counter
# HELP requests Requests.
requests_total{code="200"} 7
# TYPE load gauge
load NaN
# EOF
`
const bodies: readonly (readonly [string, Format, string])[] = [
  ['text004', 'text/0.0.4', text],
  ['text100', 'text/1.0.0', text],
  ['open001', 'openmetrics/0.0.1', openMetrics],
  ['open100', 'openmetrics/1.0.0', openMetrics],
  ['empty', 'text/0.0.4', ''],
  ['emptyopen', 'openmetrics/1.0.0', ''],
  ['blank', 'text/0.0.4', '\n'],
  ['crlf', 'text/0.0.4', '\r\n'],
  ['cr', 'text/0.0.4', '\r'],
  ['windows', 'text/0.0.4', text.replaceAll('\n', '\r\n')],
  [
    'large',
    'text/0.0.4',
    Array.from({ length: 4000 }, (_, n) => `n{n="${n}${' '.repeat(150)}"} ${n}\n`).join(''),
  ],
]

function given(format: Format, body: string | Buffer, gzip: boolean, typed = true): Given {
  return { format, body: Buffer.from(body), gzip, contentType: typed ? types[format] : undefined }
}

const encodings = [true, false]

/** Containers that belong to nothing, by name. */
const alone: ReadonlyMap<string, Given> = new Map([
  ...bodies.flatMap(([name, format, body]) =>
    encodings.flatMap((gzip) =>
      [true, false].map((typed): [string, Given] => [
        `${name}-${gzip ? 'gzip' : 'plain'}-${typed ? 'typed' : 'untyped'}`,
        given(format, body, gzip, typed),
      ]),
    ),
  ),
  ...exporters().map(({ name, openMetrics, body }): [string, Given] => [
    name.replaceAll(' ', '-'),
    given(openMetrics ? 'openmetrics/1.0.0' : 'text/0.0.4', body, true),
  ]),
])

/** Services by their name without the stack: what each replica answers, one on each node in turn. */
const services: ReadonlyMap<string, readonly Given[]> = new Map([
  ['packed', [given('text/0.0.4', text, true), given('text/0.0.4', text, true)]],
  ['mixed', [given('text/0.0.4', text, false), given('text/0.0.4', text, true)]],
  ['open', [given('openmetrics/1.0.0', openMetrics, true), given('openmetrics/0.0.1', openMetrics, true)]],
  ['both', [given('openmetrics/1.0.0', openMetrics, true), given('text/1.0.0', text, true)]],
  ['nothing', [given('text/0.0.4', '', true), given('text/0.0.4', '', true)]],
  [
    'little',
    [given('text/0.0.4', '', true), given('text/0.0.4', text, true), given('text/0.0.4', '', false)],
  ],
  ...exporters()
    .filter(({ openMetrics }) => !openMetrics)
    .map(({ name, body }): [string, Given[]] => [
      `${name.replaceAll(/exporter |\.text/g, '')}s`,
      [given('text/0.0.4', body, true), given('text/0.0.4', body, true)],
    ]),
])
const everywhere = given('text/0.0.4', exporters().find(({ name }) => name.endsWith('node.text'))!.body, true)

const accepts: Readonly<Record<string, string | undefined>> = {
  none: undefined,
  text: 'text/plain',
  openMetrics: 'application/openmetrics-text; version=1.0.0',
  prometheus:
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
  protobufFirst:
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
}
/** Whether an answer may be packed. */
const acceptEncodings = new Map<string | undefined, boolean>([
  [undefined, false],
  ['gzip', true],
  ['gzip;q=0', false],
  ['identity', false],
  ['*', true],
])

interface Replica {
  readonly given: Given
  readonly node: number
  readonly slot: string
}

interface Path {
  readonly path: string
  /** The containers of which the answer consists, as the agent of a node is to see them. */
  readonly from: (node: number) => readonly Replica[]
  /** It is a container's own page; else each series has the label `slot`. */
  readonly isSingle: boolean
}

const log = createLog('silent')
const cleanup = new AsyncDisposableStack()
const ports: number[] = []
const urls = new Map<Given, string>()
const internalErrors: unknown[] = []

beforeAll(async () => {
  const containers: SwarmContainer[] = []
  const add = async (given: Given, container: Omit<SwarmContainer, 'port'>) => {
    const server = cleanup.use(await serve(given))
    urls.set(given, `${server.url}metrics`)
    containers.push({ ...container, port: server.port })
  }
  for (const [name, one] of alone) await add(one, { name, node: containers.length % nodes.length })
  for (const [service, replicas] of services)
    for (const [at, one] of replicas.entries())
      await add(one, { node: at % nodes.length, task: { stack: 'shop', service, slot: at + 1 } })
  for (const node of nodes.keys())
    await add(everywhere, { node, task: { stack: 'mon', service: 'exporter' } })

  const engines = await startSwarmEngines(nodes, containers)
  for (const engine of engines) cleanup.use(engine)
  const first = await freePort()
  for (const [at, engine] of engines.entries()) {
    const config = readConfig({
      DOCKER_HOST: engine.host,
      SSHPASS: 'a secret that is long enough',
      PEERS: `127.0.0.1:${first}`,
      PORTS: '1',
    })
    const loud = { ...log, error: (fields: unknown) => void internalErrors.push(fields) } as typeof log
    const app: Agent = await startAgent({
      config: { ...config, listenPort: 0, sshPort: at === 0 ? first : 0 },
      clock,
      log: loud,
      version: 'test',
    })
    cleanup.defer(app.stop)
    ports.push(app.port)
  }
  for (const port of ports)
    await until('an agent to be ready', async () => (await ask(port, '/-/ready')).status === 200, {
      within: 60_000,
    })
})

afterAll(() => cleanup.disposeAsync())

function serve({ body, gzip, contentType }: Given): Promise<RunningServer> {
  const packed = gzip ? gzipSync(body) : body
  return httpServer((_request, response) => {
    if (contentType !== undefined) response.setHeader('content-type', contentType)
    if (gzip) response.setHeader('content-encoding', 'gzip')
    response.end(packed)
  })
}

function paths(): readonly Path[] {
  const one = (path: string, from: Path['from']): Path => ({ path, from, isSingle: true })
  const containers = [...alone].flatMap(([name, given], at) => {
    const node = at % nodes.length
    const from = () => [{ given, node, slot: '' }]
    return [one(`/${name}/metrics`, from), one(`/${name}/${nodes[node]}/metrics`, from)]
  })
  const replicated = [...services].flatMap(([service, givens]) => {
    const all = givens.map((given, at) => ({ given, node: at % nodes.length, slot: `${at + 1}` }))
    const here = (node: number) => all.filter((replica) => replica.node === node)
    return [
      ...['', '?scope=node'].flatMap((query) =>
        [`shop_${service}`, service].map((name) => ({
          path: `/${name}/metrics${query}`,
          from: query === '' ? () => all : here,
          isSingle: false,
        })),
      ),
      ...all.flatMap((replica) =>
        [`shop_${service}`, service].map((name) => one(`/${name}/${replica.slot}/metrics`, () => [replica])),
      ),
    ]
  })
  const global = ['mon_exporter', 'exporter'].flatMap((name) => [
    one(`/${name}/metrics`, (node) => [{ given: everywhere, node, slot: '' }]),
    ...nodes.map((host, node) =>
      one(`/${name}/${host}/metrics`, () => [{ given: everywhere, node, slot: '' }]),
    ),
  ])
  return [...containers, ...replicated, ...global]
}

/** What a container itself answers. */
const direct = new Map<Given, Promise<readonly Meant[]>>()

function askDirectly(given: Given): Promise<readonly Meant[]> {
  const before = direct.get(given)
  if (before) return before
  const response = (async () => {
    const url = new URL(urls.get(given)!)
    const response = await ask(Number(url.port), url.pathname)
    // lines may end in CR LF, which our own reader is not to be trusted with here
    const body = unpacked(response).toString('latin1').replaceAll('\r', '')
    return samplesOf({ format: given.format, body: Buffer.from(body, 'latin1') })
  })()
  direct.set(given, response)
  return response
}

async function expected({ from, isSingle }: Path, node: number): Promise<readonly Meant[]> {
  const replicas = from(node)
  const samples = await Promise.all(replicas.map(({ given }) => askDirectly(given)))
  if (isSingle) return samples.flat()
  return replicas.flatMap(({ slot }, at) => [
    ...samples[at]!.map((sample) => ({ ...sample, series: withLabel(sample.series, slot) })),
    {
      series: withLabel(seriesOf([['__name__', 'app_metrics_proxy_replica_up']]), slot),
      value: 1,
      time: undefined,
    },
  ])
}

function withLabel(series: string, slot: string): string {
  return seriesOf([...(JSON.parse(series) as [string, string][]), ['slot', slot]])
}

function unpacked({ headers, body }: Response): Buffer {
  return headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
}

/** Most answers are the same: each is read once. */
const fingerprints = new Map<string, string>()

function fingerprintOf(format: Format, body: Buffer): string {
  const key = `${format} ${createHash('sha1').update(body).digest('base64')}`
  const found = fingerprints.get(key) ?? inOrder(samplesOf({ format, body }))
  fingerprints.set(key, found)
  return found
}

const inOrder = (samples: readonly Meant[]) =>
  samples
    .map(({ series, value, time }) => `${series} ${value} ${time}`)
    .sort()
    .join('\n')

const grammarOf = (format: Format) => format.split('/')[0]!

/** What is wrong with an answer; undefined: nothing. */
function wrongWith(
  response: Response,
  path: Path,
  node: number,
  client: { readonly accept: string; readonly mayPack: boolean },
  samples: string,
): string | undefined {
  if (response.status !== 200) return `${response.status} ${response.text.slice(0, 100)}`
  if (response.headers['content-encoding'] && !client.mayPack) return 'packed, which the client does not take'
  const format = announcedFormat(String(response.headers['content-type']))?.name
  if (!format) return `Content-Type ${response.headers['content-type']}`
  if (client.accept === 'text' && grammarOf(format) !== 'text') return `${format} for a client of text`
  if (client.accept === 'openMetrics' && grammarOf(format) !== 'openmetrics')
    return `${format} for a client of OpenMetrics`
  if (response.headers.age !== undefined) return 'an old page'
  const body = unpacked(response)
  const [only] = path.from(node)
  // without a Content-Type it may be read as another format than meant
  const isSameGrammar = only?.given.contentType && grammarOf(format) === grammarOf(only.given.format)
  if (path.isSingle && isSameGrammar && !only.given.body.includes('\r') && !body.equals(only.given.body))
    return 'other bytes than the container’s own'
  return fingerprintOf(format, body) === samples ? undefined : 'other samples than the containers’ own'
}

test('every path of every agent has, for every client, the samples that the containers themselves answer', async () => {
  const wrong: string[] = []
  let checked = 0
  for (const path of paths())
    for (const [node, port] of ports.entries()) {
      const samples = inOrder(await expected(path, node))
      const questions = Object.entries(accepts).flatMap(([accept, header]) =>
        [...acceptEncodings].map(([encoding, mayPack]) => ({ accept, header, encoding, mayPack })),
      )
      await Promise.all(
        questions.map(async ({ accept, header, encoding, mayPack }) => {
          const headers = {
            ...(header !== undefined && { accept: header }),
            ...(encoding !== undefined && { 'accept-encoding': encoding }),
          }
          const response = await ask(port, path.path, { headers })
          const what = wrongWith(response, path, node, { accept, mayPack }, samples)
          checked += 1
          if (what) wrong.push(`${path.path} of ${nodes[node]}, Accept ${accept}, ${encoding}: ${what}`)
        }),
      )
    }
  console.info(`${checked} combinations of path, node, Accept and Accept-Encoding, ${wrong.length} wrong`)
  expect(wrong.slice(0, 20)).toEqual([])
  expect(checked).toBe(paths().length * nodes.length * 25)
  expect(checked).toBeGreaterThan(5000)
})

test('every agent shows its own metrics and, to every client, those of the others', async () => {
  for (const port of ports)
    for (const path of ['/metrics', ...nodes.map((node) => `/app-metrics-proxy/${node}/metrics`)])
      for (const header of Object.values(accepts))
        for (const [encoding, mayPack] of acceptEncodings) {
          const headers = {
            ...(header && { accept: header }),
            ...(encoding && { 'accept-encoding': encoding }),
          }
          const response = await ask(port, path, { headers })
          expect(response.status, path).toBe(200)
          expect(mayPack || response.headers['content-encoding'] === undefined).toBe(true)
          expect(unpacked(response).toString()).toMatch(/^app_metrics_proxy_build_info\{version="test"\} 1$/m)
        }
})

test('no agent had an internal error', () => {
  expect(internalErrors).toEqual([])
})
