// The composition root: starts the rooms in the order of the flow, joins them by passing functions, and closes
// them in reverse. It reads from top to bottom as the data flows.

import type { Clock } from '../clock.ts'
import { type Config, ConfigError } from '../config/config.ts'
import { startDiscovery } from '../discover/discovery.ts'
import type { Found } from '../discover/handover.ts'
import { inspect } from '../exposition/inspect.ts'
import { settingsOf } from '../labels/settings.ts'
import type { Log } from '../logging/log.ts'
import type { Entry, Self, Stoppable } from '../model.ts'
import { createNames } from '../names/names.ts'
import { standing } from '../names/standing.ts'
import { connect } from '../probe/connect.ts'
import { planOf } from '../probe/plan.ts'
import { startProber } from '../probe/prober.ts'
import { createRules } from '../rules/rules.ts'
import { createByteBudget } from '../runtime/byte-budget.ts'
import { observeLag } from '../runtime/lag.ts'
import { memoryLimit, readUse, startMemory } from '../runtime/memory.ts'
import { createMetrics } from '../runtime/metrics.ts'
import { createFetcher } from '../scrape/fetch.ts'
import { createReader } from '../scrape/read.ts'
import { startScraper } from '../scrape/scraper.ts'
import { createSd } from '../sd/sd.ts'
import { nodesOf } from '../status/nodes.ts'
import { serveStatus, unixTime } from '../status/routes.ts'
import { problemsIn, type StatusView } from '../status/status.ts'
import { createStore, type Store } from '../store/store.ts'
import { startSync } from '../sync/sync.ts'
import { openGuard } from '../web/auth/guard.ts'
import { serveDocument } from '../web/documents.ts'
import { createKept } from '../web/kept.ts'
import { startServe } from '../web/web.ts'
import { createAgentPage } from './agent-page.ts'
import { boundsOf } from './bounds.ts'
import { formats } from './formats.ts'
import { createHeldPages } from './held.ts'
import { observeInternalErrors } from './internal-errors.ts'
import { createJournal } from './journal.ts'
import { createPeers } from './peers.ts'
import { createSettings, startPipeline } from './pipeline.ts'
import { type Circumstances, createAwaited, unheard } from './readiness.ts'

export interface App extends Stoppable {
  readonly port: number
  /** Rejects when the agent can't go on, for a reason that it learnt only while running. */
  readonly failed: Promise<never>
}

interface Options {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly version: string
}

export async function startApp(options: Options): Promise<App> {
  await using starting = new AsyncDisposableStack()
  const app = await start(options, starting)
  const parts = starting.move()
  return { ...app, stop: () => parts.disposeAsync() }
}

/** What is started goes onto `parts`, which stop in the reverse order. */
async function start(
  { config, version, ...given }: Options,
  parts: AsyncDisposableStack,
): Promise<Omit<App, 'stop'>> {
  const { clock, lag } = observeLag(given.clock)
  const metrics = createMetrics()
  const { log, internalErrors } = observeInternalErrors({ clock, log: given.log, metrics })
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {})
  // one that fails to stop must not hide why the agent ends
  const started = <P extends Stoppable>(part: P): P => parts.adopt(part, (one) => one.stop().catch(() => {}))

  const store: Store = started(
    createStore({
      ...{ clock, forgetAfterMs: config.forgetAfterMs, version },
      isAddressed: (node) => peers.peers().some((peer) => peer.node === node && peer.state !== 'connected'),
      onListenerError: (error) => log.internal(error, 'store'),
    }),
  )
  const kept = createKept()
  const memory = started(
    startMemory({
      ...{ clock, log, metrics, read: readUse },
      shed: kept.shed,
      collect: globalThis.gc,
    }),
  )
  const bounds = boundsOf(memoryLimit(), config.maxBodyBytes)
  const settings = createSettings(store.swarmState)
  const agentPage = createAgentPage(config, metrics)

  const authorizations = new Map(config.targets.map(({ url, authorization }) => [url, authorization]))
  const fetcher = createFetcher({
    clock,
    maxBodyBytes: config.maxBodyBytes,
    verifyTls: config.verifyTls,
    authorizationFor: (url) => authorizations.get(url),
  })
  parts.defer(fetcher.close)
  const read = createReader({
    fetch: fetcher.fetch,
    inspect: (body, contentType) => inspect(body, contentType, config),
    maxBodyBytes: config.maxBodyBytes,
    clock,
    budget: createByteBudget(clock, bounds.scrapeBytes),
  })
  const heldPages = createHeldPages(bounds.heldBytes)
  const scraper = started(
    startScraper(
      {
        clock,
        read: agentPage.orElse(read),
        admit: heldPages.admit,
        rests: () => peers.flush(),
        log,
        metrics,
      },
      (id, snapshot) => {
        store.putSnapshot(id, snapshot)
        if (!snapshot.ok) prober.failing(id)
      },
    ),
  )
  const prober = started(
    startProber({ clock, config, connect, read, log, metrics }, (id, finding, snapshot) => {
      store.putFinding(id, finding)
      if (snapshot) store.putSnapshot(id, heldPages.checked(id, snapshot))
    }),
  )
  const pipeline = started(
    startPipeline({
      clock,
      store,
      config,
      settings,
      planOf: (target, wishes) => planOf(target, wishes, config),
      probe: prober.update,
      repeat: prober.repeat,
      scrape: scraper.update,
      settled: prober.settled,
    }),
  )
  store.subscribe(pipeline.changed)
  store.subscribe((change) => {
    if (change.kind === 'gone' && change.owner === store.own.self().node) heldPages.forget(change.id)
  })
  store.subscribe(createJournal({ clock, log, own: () => store.own.self().node }))

  const { secret } = config
  const beginSync = (known: string) => () =>
    startSync({
      ...{ clock, log, metrics, version, store },
      config: { ...config, secret: known },
      refreshOwn: scraper.now,
    })
  const peers = started(createPeers(secret === undefined ? undefined : beginSync(secret), failure.reject))

  let self: Self | undefined
  function found(news: Found): void {
    store.identify(news.self, news.managers)
    store.replaceTargets([...news.targets, agentPage.target(news.self.node)])
    store.putFinding(agentPage.target(news.self.node).id, agentPage.finding)
    if (news.swarmState) store.putSwarmState(news.swarmState, news.swarmStateReadAt)
    if (news.self.swarm && config.secret === undefined) failure.reject(new ConfigError([secretMissing]))
    self = news.self
    peers.begin()
  }
  const discovery = started(
    await startDiscovery({ config, clock, log, metrics, swarmState: store.swarmState }, found),
  )

  const around: Circumstances = {
    clock,
    self: () => self,
    discovery: discovery.status,
    probed: store.own.isWhole,
    swarmState: store.swarmState,
    synced: peers.isSettled,
  }
  const awaited = createAwaited(around)
  const names = createNames(store, (labels) => settingsOf(labels).name?.value)
  store.subscribe(names.changed)
  const sd = createSd({ store, config, standing, complete: awaited.list })
  const rules = createRules({ store, config, log, metrics, complete: awaited.list })

  const guard =
    config.webConfigFile === undefined
      ? undefined
      : started(openGuard({ ...{ clock, log }, file: config.webConfigFile }))
  const webTrouble = guard?.trouble ?? (() => undefined)

  const view: StatusView = {
    ...store,
    version,
    config,
    self: () => self,
    cluster: () => config.cluster ?? store.swarmState()?.value.cluster ?? self?.hostname ?? '',
    peers: peers.peers,
    rules: rules.reports,
    discovery: discovery.status,
    webConfig: webTrouble,
    memory: memory.trouble,
    internalErrors,
    ambiguities: () => (self ? names.ambiguities(self.node) : []),
    warnings: () => config.warnings,
  }

  const nodes = () => nodesOf(store.nodes(), store.swarmState()?.value, unixTime)

  async function refresh({ owner, target: { id } }: Entry, budget: number): Promise<void> {
    if (owner === self?.node) return scraper.now(id, budget)
    return peers.refresh(owner, id, budget)
  }
  const server = started(
    await startServe({
      config,
      clock,
      log,
      metrics,
      lag,
      version,
      store,
      formats,
      budget: createByteBudget(clock, bounds.answerBytes),
      isMemoryShort: memory.isExhausted,
      kept,
      lookUp: names.lookUp,
      awaited: awaited.picture,
      maxAgeMsOf: ({ target }) => settings(target).maxAgeMs?.value ?? config.maxAgeMs,
      refresh,
      nodes,
      problems: () => problemsIn(view, nodes(), unixTime),
      waitingFor: () => [...awaited.list(), ...unheard(around)],
      guard,
      plugins: [
        (server) => serveDocument(server, '/sd', sd.answer),
        (server) => serveDocument(server, '/rules', rules.answer),
        (server) => serveStatus(server, { clock, view, families: formats.families }),
      ],
    }),
  )
  return { port: server.port, failed: failure.promise }
}

const secretMissing =
  'SSHPASS is not set: in a Swarm all agents share one secret. Make one with `openssl rand -base64 24 | docker secret create app-metrics-proxy -` and hand it to the service with SSHPASS_FILE, as stack.yml does'
