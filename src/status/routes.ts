// `/`: the status page, or the status as JSON for clients that prefer it. `/-/page/…`: the page's files, read once at
// start; in the bundle they are in a folder beside it. `/-/docs/…`: the documentation.

import { readdirSync, readFileSync } from 'node:fs'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { ShownMetrics } from '../exposition/families.ts'
import { type Document, documentOf } from '../http/answer.ts'
import { prefersJson } from '../http/negotiation.ts'
import type { Entry, MetricsPage } from '../model.ts'
import { metricsStatusOf, scrapeJob } from './details.ts'
import { serveDocumentation } from './documentation.ts'
import { fileOf, hasContentType, send } from './files.ts'
import type { MetricsStatus, TargetDetails } from './shape.ts'
import { headOf, type StatusView, statusOf, targetContexts } from './status.ts'
import { targetOf, unixTime } from './target.ts'

export interface StatusDeps {
  readonly clock: Clock
  readonly view: StatusView
  readonly families: (page: MetricsPage) => Promise<Generator<void, ShownMetrics>>
  /** Reserves memory until the response is sent. */
  readonly reserve: (
    request: FastifyRequest,
    reply: FastifyReply,
    bytes: number,
    timeoutMs: number,
  ) => Promise<void>
}

interface StatusRoute {
  Querystring: { target?: string; find?: string }
}

/** The most that families take in memory, in sizes of their page. */
const copiesAsFamilies = 7
const memoryTimeoutMs = 10_000

export function serveStatus(server: FastifyInstance, deps: StatusDeps): void {
  const { clock, view } = deps
  const files = readUiFiles()

  server.get<StatusRoute>('/', async (request, reply) => {
    if (!prefersJson(request.headers.accept)) return send(request, reply, files.get('index.html')!)
    const { target, find = '' } = request.query
    if (target === undefined) return send(request, reply, jsonOf(statusOf(view, clock.now())))
    const entry = entryOf(target)
    const metrics = await readMetrics(entry, find, request, reply)
    return send(request, reply, jsonOf(details(entry, metrics)))
  })
  server.get<{ Params: { file: string } }>('/-/page/:file', (request, reply) => {
    const file = files.get(request.params.file)
    if (!file) throw new ProxyError('not_found', 'the status page has no such file')
    return send(request, reply, file)
  })
  serveDocumentation(server)

  function entryOf(key: string): Entry {
    const slash = key.indexOf('/')
    const entry = view.entry(key.slice(0, slash), key.slice(slash + 1))
    if (!entry) throw new ProxyError('not_found', 'there is no such target, or it is gone')
    return entry
  }

  async function readMetrics(
    { snapshot }: Entry,
    find: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ) {
    if (!snapshot?.ok) return undefined
    const { page } = snapshot
    await deps.reserve(request, reply, page.size * copiesAsFamilies, memoryTimeoutMs)
    const isWanted = () => !request.raw.socket.destroyed
    const families = await inSteps(await deps.families(page), clock, isWanted)
    return inSteps(metricsStatusOf(families, find), clock, isWanted)
  }

  function details(entry: Entry, metrics: MetricsStatus | undefined): TargetDetails {
    const { nodes, config, cluster } = headOf(view)
    const context = targetContexts(nodes, view.swarmState()?.value)(entry.owner)
    const target = targetOf(entry, context, view.outcomeOf(entry))
    const discovery = view.discoveredTarget(entry.owner, entry.target.id)
    return {
      time: unixTime(clock.now()),
      target,
      labels: entry.target.labels,
      addresses: entry.target.addresses,
      sizes: entry.history.map(({ bodyBytes = null }) => bodyBytes),
      ...(metrics && { metrics }),
      ...(discovery && { discovery }),
      prometheus: scrapeJob(target, config, cluster),
    }
  }
}

const minWorkMs = 10

/** Pauses after some milliseconds for as long, so that half of the event loop is left for all else. */
async function inSteps<T>(work: Generator<void, T>, clock: Clock, isWanted: () => boolean): Promise<T> {
  for (let startedAt = clock.now(); ; ) {
    const { done, value } = work.next()
    if (done) return value
    const elapsedMs = clock.now() - startedAt
    if (elapsedMs < minWorkMs) continue
    await clock.sleep(elapsedMs)
    if (!isWanted()) throw new ProxyError('overloaded', 'the client has disconnected')
    startedAt = clock.now()
  }
}

/** By name. */
function readUiFiles(): ReadonlyMap<string, Document> {
  const folder = new URL('./ui/', import.meta.url)
  const names = readdirSync(folder).filter(hasContentType)
  return new Map(names.map((name) => [name, fileOf(name, readFileSync(new URL(name, folder)))]))
}

function jsonOf(value: unknown): Document {
  return documentOf(Buffer.from(JSON.stringify(value)), 'application/json; charset=utf-8')
}
