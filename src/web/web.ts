// The room as one part: joins reading, merging and rendering, and starts the server with all its routes.

import type { Clock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { Log } from '../logging/log.ts'
import type { Entry, NodeId } from '../model.ts'
import type { ByteBudget } from '../runtime/byte-budget.ts'
import type { Lag } from '../runtime/lag.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Guard } from './auth/guard.ts'
import { budgetOf } from './deadline.ts'
import { type HealthDeps, serveHealth } from './health.ts'
import type { Kept } from './kept.ts'
import { createLinks, type LinksSource } from './links.ts'
import { type OwnPageDeps, serveOwnPage } from './own.ts'
import { type PagesDeps, servePages } from './pages.ts'
import { observeProcess } from './process.ts'
import { createReader, type ReaderDeps } from './reader.ts'
import { createRendering, type Formats } from './rendering.ts'
import { createReadReplicas, type Merging } from './replicas.ts'
import { createSending } from './sending.ts'
import { type Plugin, type Server, startServer } from './server.ts'

export interface ServeDeps extends HealthDeps {
  readonly config: Pick<Config, 'listenPort' | 'scrapeTimeoutMs' | 'staleAfterMs' | 'replicaLabel'>
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly lag: Lag
  readonly store: LinksSource & {
    entries(): Iterable<Entry>
    entry(owner: NodeId, id: string): Entry | undefined
  }
  readonly nodes: OwnPageDeps['nodes']
  readonly lookUp: PagesDeps['lookUp']
  readonly awaited: PagesDeps['awaited']
  readonly maxAgeMsOf: ReaderDeps['maxAgeMsOf']
  readonly refresh: ReaderDeps['refresh']
  readonly formats: Formats & Merging
  /** What all answers may hold together that are being made or sent. */
  readonly budget: ByteBudget
  readonly isMemoryShort: () => boolean
  readonly kept: Kept
  /** Decides who may ask, before anything is answered; without one, everybody may. */
  readonly guard?: Guard | undefined
  /** What else is answered on this port: service discovery, rules, the status page. */
  readonly plugins: readonly Plugin[]
  /** Listen here instead of on all addresses. */
  readonly host?: string
}

export async function startServe(deps: ServeDeps): Promise<Server> {
  const { config, clock, log, metrics, store, formats, kept, plugins, guard, host } = deps
  const links = createLinks(store)
  const rendering = createRendering(formats)
  const sending = createSending({
    clock,
    budget: deps.budget,
    isMemoryShort: deps.isMemoryShort,
    usualTimeoutMs: config.scrapeTimeoutMs,
  })
  const reader = createReader({
    clock,
    staleAfterMs: config.staleAfterMs,
    usualBudget: budgetOf(undefined, config.scrapeTimeoutMs),
    entry: store.entry,
    linkTo: links.linkTo,
    maxAgeMsOf: deps.maxAgeMsOf,
    refresh: deps.refresh,
  })
  const pages: PagesDeps = {
    clock,
    asked: links.own,
    lookUp: deps.lookUp,
    awaited: deps.awaited,
    usualTimeoutMs: config.scrapeTimeoutMs,
    reader,
    readReplicas: createReadReplicas({
      clock,
      log,
      replicaLabel: config.replicaLabel,
      merging: formats,
      reader,
      kept,
    }),
    rendering,
    sending,
  }
  const server = await startServer({
    port: config.listenPort,
    clock,
    log,
    metrics,
    ...(host !== undefined && { host }),
    guard,
    plugins: [
      sending.plugin,
      ...plugins,
      (server) => serveHealth(server, deps),
      (server) => serveOwnPage(server, { ...deps, entries: store.entries, render: rendering.render }),
      (server) => servePages(server, pages),
    ],
  })
  observeProcess(metrics, deps.lag)
  return server
}
