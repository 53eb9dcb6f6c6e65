// The composition root: starts the parts in the order of the flow, joins them by passing functions, and closes
// them in reverse. It reads from top to bottom as the data flows.

import type { Clock } from '../clock.ts'
import { type Config, ConfigError } from '../config/config.ts'
import { type Discovered, startDiscovery } from '../discover/discovery.ts'
import { isTargetFailure } from '../errors.ts'
import { inspect } from '../exposition/inspect.ts'
import { settingsOf } from '../labels/settings.ts'
import { type Log, withFields } from '../logging/log.ts'
import {
  agentTarget,
  type Entry,
  type NodeId,
  type Self,
  type Stoppable,
  streamId,
  targetIdOf,
} from '../model.ts'
import { createNames } from '../names/names.ts'
import { connect } from '../probe/attempt.ts'
import { startProber } from '../probe/prober.ts'
import { createRules } from '../rules/rules.ts'
import { createByteBudget } from '../runtime/byte-budget.ts'
import { readMemoryUse, startMemory } from '../runtime/memory.ts'
import { createProcessMetrics } from '../runtime/process-metrics.ts'
import { createFetcher } from '../scrape/fetch.ts'
import { createRead } from '../scrape/read.ts'
import { startScraper } from '../scrape/scraper.ts'
import { createSd } from '../sd/sd.ts'
import { createClients } from '../status/clients.ts'
import { targetKeysOfPath } from '../status/doubled.ts'
import { nodesOf } from '../status/nodes.ts'
import { createOutcomes } from '../status/outcomes.ts'
import { problemsOf } from '../status/problems.ts'
import { serveStatus } from '../status/routes.ts'
import type { NodeStatus } from '../status/shape.ts'
import { type StatusView, targetStates } from '../status/status.ts'
import { createStore, type Store } from '../store/store.ts'
import { createSwarmMetrics } from '../swarm-metrics/swarm-metrics.ts'
import { openTransport, startSync } from '../sync/sync.ts'
import { serveAgentMetrics } from '../web/agent-metrics.ts'
import { openGuard } from '../web/auth/guard.ts'
import { reportRequests } from '../web/client-requests.ts'
import { serveHealth } from '../web/health.ts'
import { serveMetrics } from '../web/metrics-routes.ts'
import { createReader } from '../web/reader.ts'
import { createRendering } from '../web/rendering.ts'
import { createMergeReplicas } from '../web/replicas.ts'
import { createResponseMemory } from '../web/response-memory.ts'
import { serveDocument, startServer } from '../web/server.ts'
import { createContainerLog } from './container-log.ts'
import { formats } from './formats.ts'
import { withErrorCount } from './internal-errors.ts'
import { memoryBudgets } from './memory-budgets.ts'
import { createOwnMetrics } from './own-metrics.ts'
import { createPeers } from './peers.ts'
import { createSettings, startPipeline } from './pipeline.ts'
import { createReadiness } from './readiness.ts'
import { startReadyLog } from './ready-log.ts'
import { createStreams, createTextRequests, idleIntervals, newestOf } from './streams.ts'

export interface Agent extends Stoppable {
  readonly port: number
  /** The log that it was given, with its node on each line. */
  readonly log: Log
  /** Rejects when the agent can't go on, for a reason found only while running. */
  readonly failed: Promise<never>
}

interface AgentOptions {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly version: string
  readonly platform?: Platform
}

/** Where the agent meets the world outside. A simulation passes its own. */
const realPlatform = {
  ...{
    createProcessMetrics,
    readMemoryUse,
    createFetcher,
    connect,
    startDiscovery,
    openTransport,
    startServer,
  },
}
type Platform = typeof realPlatform

export async function startAgent(options: AgentOptions): Promise<Agent> {
  await using starting = new AsyncDisposableStack()
  const agent = await start(options, starting)
  const parts = starting.move()
  return { ...agent, stop: () => parts.disposeAsync() }
}

/** Each part that is started goes onto `parts`, which are stopped in reverse order. */
async function start(
  { config, version, platform = realPlatform, ...given }: AgentOptions,
  parts: AsyncDisposableStack,
): Promise<Omit<Agent, 'stop'>> {
  const { clock, metrics } = platform.createProcessMetrics(given.clock)
  let self: Self | undefined
  const cluster = () => config.cluster ?? store.swarmState()?.value.swarmId ?? self?.hostname ?? ''
  // in a Swarm its hostname would be a wrong name of the cluster until a manager has sent the right one
  const loggedCluster = () => (self?.swarm && !store.swarmState() && !config.cluster ? undefined : cluster())
  const nodeLog = withFields(given.log, () => (self ? { node: self.hostname, cluster: loggedCluster() } : {}))
  const { log, internalErrors } = withErrorCount({ clock, log: nodeLog, metrics })
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {})
  // a part that fails to stop must not hide why the agent ends
  const started = <P extends Stoppable>(part: P): P => parts.adopt(part, (one) => one.stop().catch(() => {}))

  // memory
  const memory = started(
    startMemory({ clock, log, metrics, read: platform.readMemoryUse, collect: globalThis.gc }),
  )
  const budgets = memoryBudgets(platform.readMemoryUse().residentLimitBytes, config.maxBodyBytes)

  // what is known of the cluster
  const peers = createPeers(config.secret !== undefined, failure.reject)
  const isAddressed = (node: NodeId) =>
    peers.peers().some((peer) => peer.node === node && peer.state !== 'connected')
  const store: Store = started(
    createStore({
      ...{ clock, forgetAfterMs: config.forgetAfterMs, version, isAddressed },
      ...{ maxOwnPageBytes: budgets.storeBytes, maxPeerPageBytes: budgets.peerBytes },
      onListenerError: (error) => log.internal(error, 'store'),
    }),
  )
  const ownNodeId = () => store.ownNode.self().node
  store.subscribe(started(createContainerLog({ clock, log, ownNodeId })).changed)
  const outcomes = createOutcomes(clock)
  store.subscribe(outcomes.changed)

  // from a container to the store
  const authorizations = new Map(config.targets.map(({ url, authorization }) => [url, authorization]))
  const fetcher = platform.createFetcher({
    clock,
    maxBodyBytes: config.maxBodyBytes,
    verifyTls: config.verifyTls,
    authorizationFor: (url) => authorizations.get(url),
  })
  parts.defer(fetcher.close)
  const read = createRead({
    fetch: fetcher.fetch,
    inspect: (body, contentType) => inspect(body, contentType, config),
    maxBodyBytes: config.maxBodyBytes,
    clock,
    budget: createByteBudget(clock, budgets.scrapeBytes),
  })
  const prober = started(
    startProber({ clock, config, connect: platform.connect, read, log, metrics }, (id, result, snapshot) => {
      store.putProbeResult(id, result)
      if (snapshot) store.putSnapshot(id, snapshot)
    }),
  )
  const ownMetrics = createOwnMetrics(config, metrics)
  const scraper = started(
    startScraper(
      { ...{ clock, log, metrics, onIdle: peers.flush }, read: ownMetrics.orElse(read) },
      (id, scraped, unpacked) => {
        const snapshot = store.putSnapshot(id, scraped, unpacked)
        if (scraped.ok) prober.onScrapeSucceeded(targetIdOf(id))
        else if (isTargetFailure(scraped.failure)) prober.onScrapeFailed(targetIdOf(id))
        return snapshot
      },
    ),
  )
  const settings = createSettings(store.swarmState)
  const idleMs = idleIntervals * config.scrapeIntervalMs
  const textRequests = createTextRequests(clock, idleMs)
  const pipeline = started(
    startPipeline({
      ...{ clock, store, config, settings, prober, scraper, isTextIdle: textRequests.isIdle },
    }),
  )
  store.subscribeToStreams(pipeline.changed)
  const maxAgeMsOf = ({ target }: Entry) => settings.ofEndpoint(target).maxAgeMs?.value ?? config.maxAgeMs
  const streams = started(
    createStreams({
      ...{ clock, store, updateNow: pipeline.updateNow, scrape: pipeline.scrapeNow },
      ...{ maxAgeMsOf, textRequests, idleMs },
    }),
  )

  // peers, and the containers of this node
  started(peers)
  let readDocker = () => {}
  const rereadManagers = () => readDocker()
  function onDiscovered(discovered: Discovered): void {
    store.identify(discovered.self, discovered.managers)
    pipeline.replaceContainers([...discovered.targets, ownMetrics.target(discovered.self.node)])
    store.putProbeResult(agentTarget, ownMetrics.probeResult)
    if (discovered.swarmState) store.putSwarmState(discovered.swarmState, discovered.swarmStateReadAt)
    self = discovered.self
    const { secret } = config
    if (secret === undefined) {
      if (self.swarm) failure.reject(new ConfigError([secretMissing]))
      return
    }
    peers.begin(async () =>
      startSync({
        ...{ config, clock, log, metrics, version, store, rereadManagers },
        refreshOwn: streams.refreshUnlessLive,
        transport: await platform.openTransport({
          ...{ config: { ...config, secret }, clock, service: () => self?.service },
        }),
      }),
    )
  }
  const discovery = started(
    await platform.startDiscovery(
      { config, clock, log, metrics, swarmState: store.swarmState },
      onDiscovered,
    ),
  )
  readDocker = discovery.readNow
  const readiness = createReadiness({
    clock,
    self: () => self,
    discovery: discovery.status,
    isProbed: store.ownNode.isComplete,
    swarmState: store.swarmState,
    isSynced: peers.isInitialSyncDone,
    linkedAgents: () => store.nodes().filter(({ link }) => link !== 'lost').length,
  })

  // what is served
  const names = createNames(
    store,
    (labels) => settingsOf(labels).name?.value,
    ({ target }) => [...settings.ofContainer(target).endpoints.keys()],
  )
  const sd = createSd({ store, config, pending: readiness.pendingForLists })
  const swarmMetrics = createSwarmMetrics({
    ...{ self: () => self, swarmState: store.swarmState, pending: readiness.pendingForNames },
  })
  const rules = createRules({ store, config, log, metrics, pending: readiness.pendingForLists })

  const guard =
    config.webConfigFile === undefined
      ? undefined
      : started(openGuard({ ...{ clock, log }, file: config.webConfigFile }))

  const nodes = () => nodesOf(store.nodes(), store.swarmState()?.value)
  const problems = (nodes: readonly NodeStatus[]) =>
    problemsOf({
      nodes,
      peers: peers.peers(),
      rules: rules.problems(),
      discovery: discovery.status(),
      swarmStateAgeMs: self?.swarm ? (store.swarmState()?.ageMs ?? 'none') : undefined,
      webConfig: guard?.failure(),
      memory: memory.failure(),
      internalErrors: internalErrors(),
      ambiguities: self ? names.ambiguities(self.node) : [],
      warnings: config.warnings,
    })
  const clients = createClients(clock)
  const targetsOfPath = (path: string) => (self ? targetKeysOfPath(path, names.lookUp, self.node) : [])
  const withNewest = (entry: Entry) =>
    newestOf(entry, store.entry(entry.owner, streamId(entry.target.id, 'protobuf')))
  const view: StatusView = {
    ...store,
    entries: () => Array.from(store.entries(), withNewest),
    entry(owner, id) {
      const entry = store.entry(owner, id)
      return entry && withNewest(entry)
    },
    version,
    config,
    self: () => self,
    outcomeOf: outcomes.of,
    discoveredTarget: sd.targetOf,
    clients: () => clients.recent(targetsOfPath),
    cluster,
    problems,
  }

  const rendering = createRendering(formats)
  const reader = createReader({
    ...{ clock, store, staleAfterMs: config.staleAfterMs, maxAgeMsOf },
    refresh: ({ owner, target: { id } }, timeoutMs) =>
      owner === self?.node ? streams.refresh(id, timeoutMs) : peers.refresh(owner, id, timeoutMs),
  })
  const mergeReplicas = createMergeReplicas({ clock, log, replicaLabel: config.replicaLabel, formats })
  const responses = createResponseMemory({
    ...{ clock, isMemoryShort: memory.isExhausted, defaultTimeoutMs: config.scrapeTimeoutMs },
    budget: createByteBudget(clock, budgets.responseBytes),
  })
  const { reserve } = responses
  const { pendingForNames, pendingForReady } = readiness
  const currentProblems = () => problems(nodes())
  const server = started(
    await platform.startServer({
      ...{ port: config.listenPort, clock, log, metrics, guard },
      plugins: [
        responses.plugin,
        (server) => reportRequests(server, clients.record),
        (server) => serveDocument(server, '/sd', sd.answer),
        (server) => serveDocument(server, '/rules', rules.answer),
        (server) => serveStatus(server, { clock, view, families: formats.families, reserve }),
        (server) => serveHealth(server, { version, problems: currentProblems, pendingForReady }),
        (server) =>
          serveAgentMetrics(server, rendering, {
            ...{ clock, metrics, version, entries: view.entries, nodes, targetStates, swarmMetrics },
            problems: currentProblems,
          }),
        (server) =>
          serveMetrics(server, {
            ...{ clock, nodes: store.nodes, lookUp: names.lookUp, pending: pendingForNames },
            ...{ scrapeTimeoutMs: config.scrapeTimeoutMs, reader, mergeReplicas, rendering, reserve },
          }),
      ],
    }),
  )
  started(startReadyLog({ clock, log, pending: pendingForReady, store, peers: peers.peers }))
  return { port: server.port, failed: failure.promise, log }
}

const secretMissing =
  'SSHPASS is not set: in a Swarm all agents share one secret. Make one with `openssl rand -base64 24 | docker secret create app-metrics-proxy -` and hand it to the service with SSHPASS_FILE, as stack.yml does'
