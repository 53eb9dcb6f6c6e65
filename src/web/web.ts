// The entry point of this folder: joins reading, merging and rendering, and starts the server with all its routes.

import type { FastifyInstance } from 'fastify'
import type { Config } from '../config/config.ts'
import type { Log } from '../logging/log.ts'
import type { ByteBudget } from '../runtime/byte-budget.ts'
import { type AgentMetricsDeps, serveAgentMetrics } from './agent-metrics.ts'
import type { Guard } from './auth/guard.ts'
import { type HealthDeps, serveHealth } from './health.ts'
import { type MetricsDeps, serveMetrics } from './metrics-routes.ts'
import { createReader, type ReaderDeps, type ReaderStore } from './reader.ts'
import { createRendering, type Formats } from './rendering.ts'
import { createMergeReplicas } from './replicas.ts'
import { createResponseMemory, type ResponseMemory } from './response-memory.ts'
import type { Server, startServer } from './server.ts'

interface WebDeps
  extends HealthDeps,
    AgentMetricsDeps,
    Pick<MetricsDeps, 'lookUp' | 'pending'>,
    Pick<ReaderDeps, 'maxAgeMsOf' | 'refresh'> {
  readonly config: Pick<Config, 'listenPort' | 'scrapeTimeoutMs' | 'staleAfterMs' | 'replicaLabel'>
  readonly log: Log
  readonly store: ReaderStore
  readonly formats: Formats
  /** For all responses that are being made or sent. */
  readonly budget: ByteBudget
  readonly isMemoryShort: () => boolean
  /** Decides which requests are answered. Without one, all are. */
  readonly guard?: Guard | undefined
  /** Further routes: service discovery, rules, the status page. */
  readonly plugins: readonly ((server: FastifyInstance, memory: ResponseMemory) => void)[]
  readonly startServer: typeof startServer
}

export async function startWeb(deps: WebDeps): Promise<Server> {
  const { config, clock, log, metrics, store, formats } = deps
  const { scrapeTimeoutMs, staleAfterMs, replicaLabel } = config
  const { maxAgeMsOf, refresh, lookUp, pending, budget, isMemoryShort } = deps
  const reader = createReader({ clock, store, staleAfterMs, maxAgeMsOf, refresh })
  const mergeReplicas = createMergeReplicas({ clock, log, replicaLabel, formats })
  const rendering = createRendering(formats)
  const memory = createResponseMemory({ clock, budget, isMemoryShort, defaultTimeoutMs: scrapeTimeoutMs })
  const metricsDeps: MetricsDeps = {
    ...{ clock, nodes: store.nodes, lookUp, pending, scrapeTimeoutMs },
    ...{ reader, mergeReplicas, rendering, memory },
  }
  return deps.startServer({
    ...{ port: config.listenPort, clock, log, metrics, guard: deps.guard },
    plugins: [
      memory.plugin,
      ...deps.plugins.map((plugin) => (server: FastifyInstance) => plugin(server, memory)),
      (server) => serveHealth(server, deps),
      (server) => serveAgentMetrics(server, rendering, deps),
      (server) => serveMetrics(server, metricsDeps),
    ],
  })
}
