// A cluster for the page to show, written into a world of its own and served by the real server: so that a
// test can let any container die, and show what no demo has.

import { formats } from '../../src/agent/formats.ts'
import { systemClock } from '../../src/clock.ts'
import { createLog } from '../../src/logging/log.ts'
import type { Entry, MetricsPage, NodeView, PastScrape, Place, Target } from '../../src/model.ts'
import { agentName, agentTarget, plainPage } from '../../src/model.ts'
import { createNames } from '../../src/names/names.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { createSd, type Sd } from '../../src/sd/sd.ts'
import { createClients } from '../../src/status/clients.ts'
import { targetKeysOfPath } from '../../src/status/doubled.ts'
import { createOutcomes } from '../../src/status/outcomes.ts'
import { type ProblemSources, problemsOf } from '../../src/status/problems.ts'
import { type StatusDeps, serveStatus } from '../../src/status/routes.ts'
import type { StatusView } from '../../src/status/status.ts'
import { reportRequests } from '../../src/web/client-requests.ts'
import { type Server, serveDocument, startServer } from '../../src/web/server.ts'
import { createWorld, type World } from '../store/world.ts'
import { swarmState as swarmStateOf } from './cluster.ts'
import { quietView } from './status-view.ts'

export interface Scene extends Server {
  /** The target as service discovery lists it. */
  readonly discovered: Sd['targetOf']
  readonly url: string
  readonly world: World
}

interface Setup extends Partial<Omit<ProblemSources, 'nodes'>> {
  readonly entries: readonly Entry[]
  readonly nodes?: readonly NodeView[]
  readonly swarmState?: Parameters<World['declare']>[0]
  readonly cluster?: string
  /** What becomes of a reservation of memory. */
  readonly reserve?: StatusDeps['reserve']
}

export async function startScene(setup: Setup): Promise<Scene> {
  const { entries, nodes = threeNodes(), swarmState, cluster = 'demo', reserve = async () => {} } = setup
  const world = createWorld(entries, nodes)
  if (swarmState) world.declare(swarmState)
  const outcomes = createOutcomes(systemClock)
  world.subscribe(outcomes.changed)
  for (const entry of entries) outcomes.changed({ kind: 'entry', entry })
  const sources: Omit<ProblemSources, 'nodes'> = {
    peers: [],
    rules: [],
    discovery: { warnings: [] },
    webConfig: undefined,
    swarmStateAgeMs: 0,
    memory: undefined,
    internalErrors: undefined,
    ambiguities: [],
    warnings: [],
    ...setup,
  }
  const readSwarmState = () => {
    const value = world.swarmState()?.value ?? swarmStateOf([], [])
    return { value, ageMs: 0, from: nodes[0]!.self.node }
  }
  const store = { ...world, swarmState: readSwarmState }
  const sd = createSd({ store, config: { cluster }, pending: () => [] })
  const clients = createClients(systemClock)
  const names = createNames(store, () => undefined)
  const targetsOfPath = (path: string) => targetKeysOfPath(path, names.lookUp, nodes[0]!.self.node)
  const view: StatusView = {
    ...quietView,
    self: () => nodes[0]!.self,
    cluster: () => cluster,
    entries: world.entries,
    entry: world.entry,
    outcomeOf: outcomes.of,
    nodes: world.nodes,
    swarmState: readSwarmState,
    discoveredTarget: sd.targetOf,
    clients: () => clients.recent(targetsOfPath),
    problems: (nodes) => problemsOf({ ...sources, nodes }),
  }
  const server = await startServer({
    port: 0,
    host: '127.0.0.1',
    clock: systemClock,
    log: createLog('silent'),
    metrics: createMetrics(),
    plugins: [
      (server) => reportRequests(server, clients.record),
      (server) => serveDocument(server, '/sd', sd.answer),
      (server) => serveStatus(server, { clock: systemClock, view, families: formats.families, reserve }),
    ],
  })
  return { ...server, url: `http://127.0.0.1:${server.port}/`, world, discovered: sd.targetOf }
}

export function threeNodes(): readonly NodeView[] {
  return [
    nodeView('n1', 'node1', 'self', { manager: true }),
    nodeView('n2', 'node2', 'up', {}, 0.4),
    nodeView('n3', 'node3', 'up', {}, 1.7),
  ]
}

export function nodeView(
  id: string,
  hostname: string,
  link: NodeView['link'],
  more: Partial<NodeView['self']> = {},
  roundTripMs?: number,
): NodeView {
  const address = `10.20.0.${Number(id.replaceAll(/\D/g, '')) || 1}`
  return {
    self: {
      node: id,
      hostname,
      swarm: true,
      manager: false,
      address,
      advertise: 'metrics.example.org:2137',
      ...more,
    },
    version: '1.0.0',
    link,
    since: performance.now() - 90_000,
    ...(roundTripMs !== undefined && { roundTripMs }),
  }
}

export function place(service: string, slot?: string): Place {
  const stack = service.includes('_') ? { stack: service.slice(0, service.indexOf('_')) } : {}
  const base = { service, serviceId: `id-${service}`, task: `task-${service}-${slot}`, ...stack }
  return slot === undefined ? { kind: 'global', ...base } : { kind: 'replicated', slot, ...base }
}

let containers = 0

export function container(owner: string, name: string, at: Place, more: Partial<Target> = {}): Target {
  containers += 1
  return {
    id: more.id ?? containers.toString(16).padStart(8, '0').padEnd(64, 'e5'),
    node: owner,
    name,
    place: at,
    image: 'example/app:1.4.2',
    labels: {},
    state: 'running',
    addresses: [{ network: 'monitor', host: `10.88.1.${(containers % 250) + 2}` }],
    ...more,
  }
}

/** An agent's own metrics. */
export function ownMetrics(owner: string): Target {
  return container(owner, agentName, { kind: 'standalone' }, { id: agentTarget, image: '' })
}

const usual = `# HELP http_requests_total Requests answered, by status.
# TYPE http_requests_total counter
http_requests_total{code="200",method="get"} 48211
http_requests_total{code="500",method="get"} 3
# HELP process_resident_memory_bytes Resident memory size in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 5.3248e+07
`

export function pageOf(
  text: string,
  series = text.split('\n').filter((line) => /^[^#]/.test(line)).length,
): MetricsPage {
  const body = Buffer.from(text)
  return plainPage(body, { format: 'text/0.0.4', series, remarks: [] })
}

export interface Health {
  readonly page?: MetricsPage
  readonly ago?: number
  readonly durationMs?: number
  readonly source?: string
  readonly port?: number
}

/** A target whose metrics are read. */
export function healthy(
  target: Target,
  { page = pageOf(usual), ago = 2000, durationMs = 9, ...rest }: Health = {},
): Entry {
  const endpoint = endpointOf(target, rest)
  return {
    owner: target.node,
    target,
    probeResult: { kind: 'found', endpoint },
    endpoint,
    snapshot: { ok: true, at: performance.now() - ago, durationMs, page },
    history: historyOf(durationMs, page.size, target.id),
  }
}

/** A target whose last scrape failed. */
export function failing(target: Target, reason = 'connection refused', hint?: string): Entry {
  const entry = healthy(target)
  const failure = { code: 'connection_refused' as const, reason, ...(hint !== undefined && { hint }) }
  return {
    ...entry,
    snapshot: { ok: false, at: performance.now() - 1500, durationMs: 1, failure },
    history: [
      ...entry.history.slice(3),
      ...Array.from({ length: 3 }, (): PastScrape => ({ ok: false, durationMs: 1 })),
    ],
  }
}

type Code = 'no_metrics' | 'no_address' | 'disabled'

export function unscraped(target: Target, code: Code, reason: string, hint?: string): Entry {
  const failure = { code, reason, ...(hint !== undefined && { hint }) }
  return { owner: target.node, target, probeResult: { kind: 'not_found', failure }, history: [] }
}

function endpointOf(target: Target, { source = 'scanned', port = 8080 }: Health) {
  return { url: `http://${target.addresses[0]?.host}:${port}/metrics`, port, source }
}

/** Twenty scrapes that look like life, and the same each time. */
function historyOf(durationMs: number, size: number, seed: string): readonly PastScrape[] {
  const from = Number.parseInt(seed.slice(0, 8), 16) || 7
  return Array.from({ length: 20 }, (_, at) => {
    const wave = Math.sin((from + at) * 2.3) * 0.3 + Math.sin((from * 3 + at) * 0.7) * 0.25
    const bodyBytes = Math.round(size * (1 + wave / 5))
    return { ok: true, durationMs: Math.max(0.4, durationMs * (1 + wave)), bodyBytes }
  })
}
