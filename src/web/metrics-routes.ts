// `/<name>/metrics` and `/<name>/<replica>/metrics`: the metrics of a container, or of all replicas of a service; with
// `?endpoint=2` those of their second endpoint.
//
// One request: look the name up, read the metrics (reader.ts, replicas.ts), reserve memory for the response
// (response-memory.ts), convert and compress (rendering.ts), send.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import { errorOf, ProxyError } from '../errors.ts'
import { refuseIncomplete } from '../http/answer.ts'
import type { Mono, NodeId, NodeView } from '../model.ts'
import type { Names } from '../names/names.ts'
import type { Replica } from '../names/resolution.ts'
import { expiredFailure } from './freshness.ts'
import { answerTimeoutMs, type Reader } from './reader.ts'
import { type Rendering, sendRendered } from './rendering.ts'
import { type MergeReplicas, type PendingResponse, type ReadRequest, readAll } from './replicas.ts'
import type { ResponseMemory } from './response-memory.ts'

interface MetricsDeps {
  readonly clock: Clock
  /** Own node first. */
  nodes(): readonly NodeView[]
  readonly lookUp: Names['lookUp']
  /** What is not known of the cluster yet, so that a name might mean another thing, or a replica be missing. */
  pending(): readonly string[]
  readonly scrapeTimeoutMs: number
  readonly reader: Reader
  readonly mergeReplicas: MergeReplicas
  readonly rendering: Rendering
  readonly reserve: ResponseMemory['reserve']
}

type LookUpQuery = Parameters<Names['lookUp']>[0]
type LookUpResult = ReturnType<Names['lookUp']>

interface MetricsRoute {
  Params: { name: string; replica?: string }
  Querystring: { scope?: string; endpoint?: string }
}

export function serveMetrics(server: FastifyInstance, deps: MetricsDeps): void {
  const answer = (request: FastifyRequest<MetricsRoute>, reply: FastifyReply) =>
    answerMetrics(request, reply, deps)
  server.get<MetricsRoute>('/:name/metrics', answer)
  server.get<MetricsRoute>('/:name/:replica/metrics', answer)
}

async function answerMetrics(
  request: FastifyRequest<MetricsRoute>,
  reply: FastifyReply,
  deps: MetricsDeps,
): Promise<FastifyReply> {
  const { clock } = deps
  const timeoutMs = answerTimeoutMs(
    request.headers['x-prometheus-scrape-timeout-seconds'],
    deps.scrapeTimeoutMs,
  )
  const deadline = clock.now() + timeoutMs
  const pending = await onceKnown(() => lookUpAndRead(request, deadline, deps), deadline, clock)
  if ('service' in pending) return sendNothing(reply, pending.service)
  await deps.reserve(request, reply, pending.maxBytes, Math.max(0, deadline - clock.now()))
  const rendered = await deps.rendering.render(await pending.makePage(), request)

  // it may have expired while it waited for memory and was converted
  const now = clock.now()
  const failure = expiredFailure(pending, now)
  if (failure) throw errorOf(failure)
  if (pending.isCached) reply.header('age', Math.round((now - pending.at) / 1000))
  return sendRendered(reply, rendered)
}

/** Requests to an agent that has just started wait, as the client's timeout allows, until it knows what they are about. */
async function onceKnown<T>(attempt: () => Promise<T>, deadline: Mono, clock: Clock): Promise<T> {
  for (let intervalMs = 50; ; intervalMs = Math.min(intervalMs * 1.5, 250))
    try {
      return await attempt()
    } catch (error) {
      const isPending = error instanceof ProxyError && error.code === 'not_ready'
      // the next attempt needs time, too
      if (!isPending || clock.now() + 2 * intervalMs > deadline) throw error
      await clock.sleep(intervalMs)
    }
}

/** Or the service that has no replica on this node, if only those are wanted. */
async function lookUpAndRead(
  request: FastifyRequest<MetricsRoute>,
  deadline: Mono,
  deps: MetricsDeps,
): Promise<PendingResponse | { readonly service: string }> {
  const found = lookUp(request, deps)
  if (found.kind === 'failed') throw errorOf(found.failure)
  if (found.kind === 'elsewhere') return { service: found.fullName }
  const timeoutMs = Math.max(0, deadline - deps.clock.now())
  return read(found, { timeoutMs, kind: deps.rendering.kindFor(request) }, request, deps)
}

/** Refuses what is not known for sure yet: all but the own containers, which are the same whatever other nodes have. */
function lookUp(request: FastifyRequest<MetricsRoute>, deps: MetricsDeps): LookUpResult {
  const query = queryOf(request, deps.nodes())
  const found = deps.lookUp(query)
  const isOwn = query.replica === undefined && found.kind === 'one' && found.entry.owner === query.node
  if (!isOwn) refuseIncomplete(deps.pending())
  return found
}

function queryOf(
  { params, query }: FastifyRequest<MetricsRoute>,
  [ownView]: readonly NodeView[],
): LookUpQuery & { readonly node: NodeId } {
  if (!ownView) throw new ProxyError('not_ready', 'this agent does not know its node yet')
  const { name, replica } = params
  const { scope, endpoint = '1' } = query
  if (scope !== undefined && scope !== 'node') throw new ProxyError('bad_request', 'scope can only be node')
  if (!/^[1-9]$/.test(endpoint))
    throw new ProxyError('bad_request', 'endpoint can only be a number from 1 to 9')
  return {
    ...{ name, node: ownView.self.node, endpoint: Number(endpoint) },
    ...(replica !== undefined && { replica }),
    ...(scope && { scope }),
  }
}

async function read(
  found: Extract<LookUpResult, { readonly kind: 'one' | 'replicas' }>,
  how: ReadRequest,
  request: FastifyRequest<MetricsRoute>,
  deps: MetricsDeps,
): Promise<PendingResponse> {
  /** Containers, and the id of the own node, may have changed since the request came. */
  const lookUpAgain = () => replicasOf(deps.lookUp(queryOf(request, deps.nodes())))
  const readings = await readAll(replicasOf(found), how, lookUpAgain, deps)
  if (found.kind === 'replicas') return deps.mergeReplicas(found.fullName, readings)
  const reading = readings[0]!
  if ('failure' in reading) throw errorOf(reading.failure)
  const { page, ...rest } = reading.result
  return { ...rest, maxBytes: deps.rendering.maxBytesOf(page, request), makePage: async () => page }
}

/** One container is read like a service of one replica. */
function replicasOf(found: LookUpResult): readonly Replica[] {
  if (found.kind === 'one') return [{ slot: '', entry: found.entry }]
  return found.kind === 'replicas' ? found.replicas : []
}

/** A service without a replica on this node (`?scope=node`) is not an error: each node is scraped for its own. */
function sendNothing(reply: FastifyReply, full: string): FastifyReply {
  reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  return reply.send(`# ${JSON.stringify(full)} has no container on this node\n`)
}
