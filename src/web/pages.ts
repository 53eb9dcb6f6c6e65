// `/<name>/metrics` and `/<name>/<replica>/metrics`: what containers say, to whoever asks.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import { errorOf, ProxyError } from '../errors.ts'
import type { Entry, NodeId } from '../model.ts'
import { budgetOf } from './deadline.ts'
import { expired, type Reading } from './freshness.ts'
import type { Reader } from './reader.ts'
import type { Client, Rendered, Rendering } from './rendering.ts'
import type { Readings, ReadReplicas, Slot } from './replicas.ts'
import type { Sending } from './sending.ts'

/** What a name denotes, as the store's look-up tells it. */
export type Found =
  | { readonly kind: 'one'; readonly full: string; readonly entry: Entry }
  | { readonly kind: 'replicas'; readonly full: string; readonly replicas: readonly Slot[] }
  | { readonly kind: 'elsewhere'; readonly full: string }
  | { readonly kind: 'refused'; readonly trouble: Trouble }

export interface PagesDeps {
  readonly clock: Clock
  /** This agent's node. */
  asked(): NodeId
  lookUp(question: Question): Found
  /** What is not yet known of the cluster, so that a name might mean another thing, or a page be short. */
  awaited(): readonly string[]
  readonly usualTimeoutMs: number
  readonly reader: Reader
  readonly readReplicas: ReadReplicas
  readonly rendering: Rendering
  readonly sending: Pick<Sending, 'reserve'>
}

interface Question {
  readonly name: string
  readonly replica?: string
  readonly asked: NodeId
  readonly scope?: 'node'
}

interface Route {
  Params: { name: string; replica?: string }
  Querystring: { scope?: string }
}

export function servePages(server: FastifyInstance, deps: PagesDeps): void {
  const answer = (request: FastifyRequest<Route>, reply: FastifyReply) => answerPage(request, reply, deps)
  server.get<Route>('/:name/metrics', answer)
  server.get<Route>('/:name/:replica/metrics', answer)
}

async function answerPage(
  request: FastifyRequest<Route>,
  reply: FastifyReply,
  deps: PagesDeps,
): Promise<unknown> {
  const question = questionOf(request, deps.asked())
  /** The node may have another id by then. */
  const anew = () => ({ ...question, asked: deps.asked() })
  const found = find(question, deps)
  if (found.kind === 'refused') throw errorOf(found.trouble)
  if (found.kind === 'elsewhere') return sendNothing(reply, found.full)
  const budget = budgetOf(request.headers['x-prometheus-scrape-timeout-seconds'], deps.usualTimeoutMs)
  const until = deps.clock.now() + budget
  const client = askerOf(request)
  const again = () => deps.lookUp(anew())
  const readings = await readingsOf(found, again, client, budget, deps)
  const left = Math.max(0, until - deps.clock.now())
  await deps.sending.reserve(request, reply, readings.bytes, left)
  const rendered = await deps.rendering.render(await readings.makePage(), client)
  // it has waited for memory, and to be converted
  const now = deps.clock.now()
  const trouble = expired(readings, now)
  if (trouble) throw errorOf(trouble)
  if (readings.cached) reply.header('age', Math.round((now - readings.at) / 1000))
  return sendRendered(reply, rendered)
}

async function readingsOf(
  found: Extract<Found, { readonly kind: 'one' | 'replicas' }>,
  again: () => Found,
  client: Client,
  budget: number,
  deps: PagesDeps,
): Promise<Readings> {
  if (found.kind === 'replicas')
    return deps.readReplicas(found.full, found.replicas, budget, () => replicasOf(again()))
  const { page, ...about } = await readOne(found.entry, budget, again, deps)
  return { ...about, bytes: deps.rendering.bytesFor(page, client), makePage: () => page }
}

function replicasOf(found: Found): readonly Slot[] {
  return found.kind === 'replicas' ? found.replicas : []
}

/** In the place of a container that ended while it was asked, another may stand by now; or its node has another id. */
function readOne(
  entry: Entry,
  budget: number,
  again: () => Found,
  { clock, reader }: Pick<PagesDeps, 'clock' | 'reader'>,
): Reading | Promise<Reading> {
  const until = clock.now() + budget
  const reading = reader.read(entry, budget)
  if (!(reading instanceof Promise)) return reading
  return reading.catch((error: unknown) => {
    const found = again()
    const left = until - clock.now()
    if (found.kind !== 'one' || isSameContainer(found.entry, entry) || left <= 0) throw error
    return reader.read(found.entry, left)
  })
}

function isSameContainer(one: Entry, other: Entry): boolean {
  return one.owner === other.owner && one.target.id === other.target.id
}

function questionOf({ params, query }: FastifyRequest<Route>, asked: NodeId): Question {
  const { name, replica } = params
  const scope = scopeOf(query.scope)
  return { name, asked, ...(replica !== undefined && { replica }), ...(scope && { scope }) }
}

function askerOf({ headers }: FastifyRequest): Client {
  return { accept: headers.accept, acceptEncoding: headers['accept-encoding'] }
}

function find(question: Question, deps: PagesDeps): Found {
  const found = deps.lookUp(question)
  if (question.replica !== undefined || !isOwn(found, question.asked)) refuseTooEarly(deps.awaited())
  return found
}

/** What runs here is what it is, whatever the other nodes have. */
function isOwn(found: Found, asked: NodeId): boolean {
  return found.kind === 'one' && found.entry.owner === asked
}

function refuseTooEarly(awaited: readonly string[]): void {
  if (awaited.length === 0) return
  throw new ProxyError('not_ready', `not known yet, still awaited: ${awaited.join(', ')}`)
}

function scopeOf(scope: string | undefined): 'node' | undefined {
  if (scope === undefined || scope === 'node') return scope
  throw new ProxyError('bad_request', 'scope can only be node')
}

/** A list of all nodes asks each for its part: one without a part isn't down. */
function sendNothing(reply: FastifyReply, full: string): FastifyReply {
  reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  return reply.send(`# ${JSON.stringify(full)} has no container on this node\n`)
}

function sendRendered(reply: FastifyReply, { type, encoding, body }: Rendered): FastifyReply {
  reply.header('content-type', type).header('vary', 'accept, accept-encoding')
  if (encoding) reply.header('content-encoding', encoding)
  return reply.send(body)
}
