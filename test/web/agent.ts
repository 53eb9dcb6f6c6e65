// The web server of an agent over a store that the test writes: real HTTP on a port of its own. The test provides what a
// refresh returns.

import { once } from 'node:events'
import { request } from 'node:http'
import { formats } from '../../src/agent/formats.ts'
import { deadline, systemClock } from '../../src/clock.ts'
import { createLog, type Log } from '../../src/logging/log.ts'
import type { Change, Entry, MetricsPage, NodeView, Snapshot, SwarmState } from '../../src/model.ts'
import { plainPage } from '../../src/model.ts'
import { createNames } from '../../src/names/names.ts'
import { createByteBudget } from '../../src/runtime/byte-budget.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { timeoutError } from '../../src/scrape/failures.ts'
import { nodesOf } from '../../src/status/nodes.ts'
import type { Problem } from '../../src/status/shape.ts'
import { targetStates } from '../../src/status/status.ts'
import { createSwarmMetrics } from '../../src/swarm-metrics/swarm-metrics.ts'
import { serveAgentMetrics } from '../../src/web/agent-metrics.ts'
import { serveHealth } from '../../src/web/health.ts'
import { serveMetrics } from '../../src/web/metrics-routes.ts'
import { createReader } from '../../src/web/reader.ts'
import { createRendering } from '../../src/web/rendering.ts'
import { createMergeReplicas } from '../../src/web/replicas.ts'
import { createResponseMemory } from '../../src/web/response-memory.ts'
import { type Plugin, type Server, startServer } from '../../src/web/server.ts'
import { createWorld, node, type World } from '../store/world.ts'

export interface Setup {
  readonly entries?: readonly Entry[]
  readonly nodes?: readonly NodeView[]
  readonly swarmState?: SwarmState
  readonly endpointsOf?: (container: Entry) => readonly number[]
  readonly swarmStateAgeMs?: number
  readonly maxAgeMs?: number | 'off'
  readonly staleAfterMs?: number
  readonly scrapeTimeoutMs?: number
  readonly refresh?: (entry: Entry, timeoutMs: number) => Promise<Snapshot>
  readonly log?: Log
  readonly formats?: typeof formats
  readonly answerBytes?: number
  readonly isMemoryShort?: () => boolean
  readonly plugins?: readonly Plugin[]
  readonly problems?: readonly Problem[]
  readonly pending?: () => readonly string[]
  readonly pendingForReady?: () => readonly string[]
}

export interface Agent extends Server {
  ask(path: string, options?: AskOptions): Promise<Response>
  put(entry: Entry): void
  change(by: (world: World) => Change): void
}

export interface AskOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly localAddress?: string
}

export interface Response {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  readonly text: string
}

export async function startAgent(setup: Setup): Promise<Agent> {
  const { entries = [], nodes = [node('n1', 'one', 'self')], maxAgeMs = 100, plugins = [] } = setup
  const world = createWorld(entries, nodes)
  if (setup.swarmState) world.declare(setup.swarmState)
  const names = createNames(world, () => undefined, setup.endpointsOf)
  const metrics = createMetrics()
  const {
    scrapeTimeoutMs = 10_000,
    staleAfterMs = 30_000,
    log = createLog('silent'),
    pending = () => [],
  } = setup
  const shown = setup.formats ?? formats
  const rendering = createRendering(shown)
  const reader = createReader({
    ...{ clock: systemClock, store: world, staleAfterMs, maxAgeMsOf: () => maxAgeMs },
    async refresh(entry, timeoutMs) {
      if (!setup.refresh) throw new Error('no scrape was expected')
      using limit = deadline(systemClock, timeoutMs)
      const [scraped, timedOut] = [setup.refresh(entry, timeoutMs), once(limit, 'abort')]
      const snapshot = await Promise.race([scraped, timedOut.then(() => undefined)])
      if (!snapshot) throw timeoutError(timeoutMs)
      world.put({ ...entry, snapshot })
    },
  })
  const mergeReplicas = createMergeReplicas({
    ...{ clock: systemClock, log, replicaLabel: 'slot', formats: shown },
  })
  const { reserve, plugin } = createResponseMemory({
    ...{ clock: systemClock, defaultTimeoutMs: scrapeTimeoutMs },
    budget: createByteBudget(systemClock, setup.answerBytes ?? 2 ** 30),
    isMemoryShort: () => setup.isMemoryShort?.() ?? false,
  })
  const problems = () => setup.problems ?? []
  const server = await startServer({
    ...{ port: 0, host: '127.0.0.1', clock: systemClock, log, metrics },
    plugins: [
      plugin,
      ...plugins,
      (server) =>
        serveHealth(server, {
          ...{ version: '1.2.3', problems, pendingForReady: setup.pendingForReady ?? (() => []) },
        }),
      (server) =>
        serveAgentMetrics(server, rendering, {
          ...{
            clock: systemClock,
            metrics,
            version: '1.2.3',
            entries: world.entries,
            targetStates,
            problems,
          },
          nodes: () => nodesOf(world.nodes(), world.swarmState()?.value),
          swarmMetrics: createSwarmMetrics({
            self: () => world.nodes()[0]?.self,
            swarmState() {
              const state = world.swarmState()
              return state && { ...state, ageMs: setup.swarmStateAgeMs ?? 0 }
            },
            pending,
          }),
        }),
      (server) =>
        serveMetrics(server, {
          ...{ clock: systemClock, nodes: world.nodes, lookUp: names.lookUp, pending, scrapeTimeoutMs },
          ...{ reader, mergeReplicas, rendering, reserve },
        }),
    ],
  })
  return {
    ...server,
    ask: (path, options) => ask(server.port, path, options),
    put: world.put,
    change: (by) => by(world),
  }
}

export function ask(
  port: number,
  path: string,
  { method = 'GET', headers = {}, ...more }: AskOptions = {},
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path, method, headers, agent: false, ...more },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const body = Buffer.concat(chunks)
          resolve({ status: response.statusCode!, headers: response.headers, body, text: body.toString() })
        })
      },
    )
    sent.on('error', reject)
    sent.end()
  })
}

export function page(text: string, more: Partial<MetricsPage> = {}): MetricsPage {
  const body = Buffer.from(text)
  return { ...plainPage(body, { format: 'text/0.0.4', series: 1, remarks: [] }), ...more }
}

export function read(text: string | MetricsPage, ageMs = 0): Snapshot {
  const made = typeof text === 'string' ? page(text) : text
  return { ok: true, at: performance.now() - ageMs, durationMs: 1, page: made }
}

export function failed(
  code: 'connection_refused' | 'timeout' | 'invalid',
  reason: string,
  ageMs = 0,
): Snapshot {
  return { ok: false, at: performance.now() - ageMs, durationMs: 1, failure: { code, reason } }
}
