// One agent, put together as the composition root does it, between the simulated edges: discovery tells it what
// the world says, containers answer its scrapes, its peers are on the simulated network, and requests come without
// HTTP. All in between is the product's own code.

import { createContainerLog } from '../../src/agent/container-log.ts'
import { formats } from '../../src/agent/formats.ts'
import { createOwnMetrics } from '../../src/agent/own-metrics.ts'
import { createPageMemory } from '../../src/agent/page-memory.ts'
import { createSettings, startPipeline } from '../../src/agent/pipeline.ts'
import { createReadiness } from '../../src/agent/readiness.ts'
import { createStreams, createTextRequests, idleIntervals } from '../../src/agent/streams.ts'
import type { Discovered } from '../../src/discover/discovery.ts'
import { ProxyError } from '../../src/errors.ts'
import { inspect } from '../../src/exposition/inspect.ts'
import { settingsOf } from '../../src/labels/settings.ts'
import type { Log } from '../../src/logging/log.ts'
import type { Entry, NodeId, Self, Stoppable, SwarmState, Target } from '../../src/model.ts'
import { createNames } from '../../src/names/names.ts'
import { planOf } from '../../src/probe/plan.ts'
import { startProber } from '../../src/probe/prober.ts'
import { createByteBudget } from '../../src/runtime/byte-budget.ts'
import { startLoop } from '../../src/runtime/loop.ts'
import type { Metrics } from '../../src/runtime/metrics.ts'
import { createReader as createPageReader } from '../../src/scrape/read.ts'
import { startScraper } from '../../src/scrape/scraper.ts'
import { createSd } from '../../src/sd/sd.ts'
import { createStore } from '../../src/store/store.ts'
import { createIdentity } from '../../src/sync/identity.ts'
import { createMesh, type Mesh } from '../../src/sync/mesh.ts'
import { servePages } from '../../src/web/pages.ts'
import { createReader } from '../../src/web/reader.ts'
import { createRendering } from '../../src/web/rendering.ts'
import { createReadReplicas } from '../../src/web/replicas.ts'
import { serveDocument } from '../../src/web/server.ts'
import type { Container } from './containers.ts'
import type { Network } from './network.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import { createWeb, type Response } from './web.ts'

/** What discovery would find on the agent's machine. */
export interface Seen {
  readonly self: Self
  readonly targets: readonly Target[]
  /** Which nodes the engine knows as managers. */
  readonly managers: ReadonlySet<NodeId>
  /** On managers only. */
  readonly swarmState: SwarmState | undefined
}

export interface Agent {
  readonly address: string
  readonly process: Process
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>
  see(seen: Seen): void
  /** How much it remembers: entries, nodes and addresses. */
  remembers(): number
  stop(): Promise<void>
}

export interface NetworkContext {
  readonly process: Process
  readonly network: Network
  readonly address: string
  readonly random: Random
  /** Where agents are, as DNS would tell. */
  readonly lookUp: () => readonly string[]
  readonly containerAt: (host: string) => Container | undefined
  /** An internal error: always a bug. */
  readonly onInternal: (what: string, error: unknown) => void
}

export const config = {
  scrapeIntervalMs: 5000,
  scrapeTimeoutMs: 5000,
  metricsPath: '/metrics',
  ports: [],
  maxAgeMs: 100,
  staleAfterMs: 15_000,
  forgetAfterMs: 60_000,
  listenPort: 2137,
  replicaLabel: 'slot',
  cluster: undefined,
  maxBodyBytes: 1024 * 1024,
  maxSeries: 10_000,
  maxLineBytes: 65_536,
} as const

const version = '1.0.0'
const findEveryMs = 5000
/** As in startSync: a peer that is found and says nothing keeps nobody waiting for longer. */
const settledWithinMs = 15_000
const budgetBytes = 64 * 2 ** 20

export function startAgent(around: NetworkContext): Agent {
  const { process, network, address, random } = around
  const { clock } = process
  const parts: Stoppable[] = []
  const started = <P extends Stoppable>(part: P): P => {
    parts.unshift(part)
    return part
  }
  const log = createLog(around.onInternal)
  const { forgetAfterMs } = config
  const store = started(
    createStore({
      ...{ clock, forgetAfterMs, version },
      isAddressed: (node) =>
        mesh?.peers().some((peer) => peer.node === node && peer.state !== 'connected') ?? false,
      onListenerError: (error) => around.onInternal('store', error),
    }),
  )
  const settings = createSettings(store.swarmState)
  const ownMetrics = createOwnMetrics(config, metrics)

  const budget = createByteBudget(clock, budgetBytes)
  const read = createPageReader({
    fetch: async (url, { timeoutMs, signal }) => {
      const container = around.containerAt(new URL(url).hostname)
      if (!container) throw new ProxyError('unreachable', 'no way to its address')
      const text = await container.scrape(process, timeoutMs, signal)
      return { body: Buffer.from(text), gzip: false, contentType: 'text/plain; version=0.0.4' }
    },
    inspect: (body, contentType) => inspect(body, contentType, config),
    maxBodyBytes: config.maxBodyBytes,
    ...{ clock, budget },
  })
  const pageMemory = createPageMemory(budgetBytes)
  const scraper = started(
    startScraper(
      {
        ...{ clock, log, metrics, admit: pageMemory.admit },
        read: ownMetrics.orElse(read),
        onIdle: () => mesh?.flush(),
      },
      (id, snapshot) => {
        store.putSnapshot(id, snapshot)
        if (!snapshot.ok) prober.failing(id)
      },
    ),
  )
  const connect = async (host: string, _port: number, _timeout: number, signal: AbortSignal) => {
    await clock.sleep(1, signal)
    const container = around.containerAt(host)
    if (!container?.isRunning()) throw new ProxyError('refused', 'connection refused')
  }
  const prober = started(
    startProber({ clock, config, connect, read, log, metrics }, (id, finding, snapshot) => {
      store.putFinding(id, finding)
      if (snapshot) store.putSnapshot(id, pageMemory.admitted(id, snapshot))
    }),
  )
  const idleMs = idleIntervals * config.scrapeIntervalMs
  const textRequests = createTextRequests(clock, idleMs)
  const pipeline = started(
    startPipeline({
      ...{ clock, store, config, settings },
      planOf: (target, wishes) => planOf(target, wishes, config),
      probe: prober.update,
      repeat: prober.repeat,
      scrape: scraper.update,
      isTextIdle: textRequests.isIdle,
      isProbed: prober.isInitialPassDone,
    }),
  )
  store.subscribeToStreams(pipeline.changed)
  store.subscribeToStreams((change) => {
    if (change.kind === 'gone' && change.owner === store.own.self().node) pageMemory.release(change.id)
  })
  const streams = createStreams({
    ...{ clock, store, decideNow: pipeline.decideNow, scrape: scraper.now, textRequests, idleMs },
    maxAgeMsOf: () => config.maxAgeMs,
  })
  store.subscribe(createContainerLog({ clock, log, ownNode: () => store.own.self().node }))

  let mesh: Mesh | undefined
  let isSettled = false
  let self: Self | undefined

  /** As startSync does it, without SSH. */
  function beginSync(): void {
    if (mesh) return
    const begun = clock.now()
    const joined = createMesh({
      ...{ clock, log, store, version, maxBodyBytes: config.maxBodyBytes },
      identity: createIdentity(random.bytes(32)),
      dial: (to, signal) => network.dial(process, address, to, signal),
      refreshOwn: streams.refreshUnlessLive,
      onLost: () => finding.trigger(),
      rereadManagers: nothing,
      watch: { sent: nothing, received: nothing, visible: nothing, linkLost: nothing },
    })
    mesh = started(joined)
    network.listen(address, process, joined.accept)
    const finding = started(
      startLoop(async () => joined.seek(around.lookUp()), {
        clock,
        intervalMs: findEveryMs,
        onFailure: (error) => around.onInternal('finding peers', error),
      }),
    )
    synced = () => {
      isSettled ||= joined.isComplete() || clock.now() - begun > settledWithinMs
      return isSettled
    }
  }
  let synced = () => false

  function found(news: Discovered): void {
    store.identify(news.self, news.managers)
    store.replaceTargets([...news.targets, ownMetrics.target(news.self.node)])
    store.putFinding(ownMetrics.target(news.self.node).id, ownMetrics.finding)
    if (news.swarmState) store.putSwarmState(news.swarmState, news.swarmStateReadAt)
    self = news.self
    beginSync()
  }

  const readiness = createReadiness({
    clock,
    self: () => self,
    discovery: () => ({ warnings: [] }),
    isProbed: store.own.isComplete,
    swarmState: store.swarmState,
    isSynced: () => synced(),
  })
  const names = createNames(store, (labels) => settingsOf(labels).name?.value)
  const sd = createSd({ store, config, pending: readiness.pendingForLists })

  async function refresh({ owner, target: { id } }: Entry, timeoutMs: number): Promise<void> {
    if (owner !== self?.node) {
      if (!mesh) throw new ProxyError('owner_lost', 'there is no link to the agent of that node')
      return mesh.refresh(owner, id, timeoutMs)
    }
    await streams.refresh(id, timeoutMs)
  }
  const reader = createReader({
    clock,
    staleAfterMs: config.staleAfterMs,
    store,
    maxAgeMsOf: () => config.maxAgeMs,
    refresh,
  })
  const web = createWeb((error) => around.onInternal('a request', error))
  serveDocument(web.server, '/sd', sd.answer)
  servePages(web.server, {
    clock,
    nodes: store.nodes,
    lookUp: names.lookUp,
    pending: readiness.pendingForNames,
    scrapeTimeoutMs: config.scrapeTimeoutMs,
    reader,
    readReplicas: createReadReplicas({
      ...{ clock, log, replicaLabel: config.replicaLabel, formats, reader },
    }),
    rendering: createRendering(formats),
    // there are no sockets that could hold a response back
    memory: { reserve: async () => {} },
  })

  return {
    address,
    process,
    get: (path, headers = {}) => web.get(path, headers),
    see({ self, targets, managers, swarmState }) {
      const read = self.manager && swarmState && { swarmState, swarmStateReadAt: clock.now() }
      found({ self, targets, managers, ...read })
    },
    remembers: () => [...store.entries()].length + store.nodes().length + (mesh?.peers().length ?? 0),
    async stop() {
      for (const part of parts) await part.stop()
    },
  }
}

const nothing = () => {}

function createLog(onInternal: NetworkContext['onInternal']): Log {
  return {
    ...{ debug: nothing, info: nothing, warn: nothing, error: nothing },
    internal: (error, where) => onInternal(where, error),
  }
}

const metric = { add: nothing, set: nothing }
/** Figures that nobody looks at. */
const metrics: Metrics = {
  counter: () => metric,
  gauge: () => metric,
  histogram: () => ({ observe: nothing }),
  observe: nothing,
  print: () => '',
}
