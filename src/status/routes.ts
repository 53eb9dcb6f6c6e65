// `/`: the status page, or the status as JSON for clients that prefer it. `/-/page/…`: the page's files, read once at
// start; in the bundle they are in a folder beside it.

import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import { type Document, documentOf } from '../http/answer.ts'
import { prefersJson } from '../http/negotiation.ts'
import { detailsOf, type FamiliesOf } from './details.ts'
import { headOf, type StatusView, statusOf, targetContexts } from './status.ts'
import type { Unix } from './target.ts'

export interface StatusDeps {
  readonly clock: Clock
  readonly view: StatusView
  readonly families: FamiliesOf
}

interface StatusRoute {
  Querystring: { target?: string; find?: string }
}

/** Rounded to milliseconds. Follows the monotonic clock, so that a step of the system clock changes no age. */
export const unixTime: Unix = (at) => Math.round(performance.timeOrigin + at) / 1000

export function serveStatus(server: FastifyInstance, { clock, view, families }: StatusDeps): void {
  const files = readPageFiles()

  server.get<StatusRoute>('/', (request, reply) => {
    if (!prefersJson(request.headers.accept)) return send(request, reply, files.get('index.html')!)
    const { target, find } = request.query
    const status = target === undefined ? statusOf(view, clock.now(), unixTime) : details(target, find ?? '')
    return send(request, reply, jsonOf(status))
  })
  server.get<{ Params: { file: string } }>('/-/page/:file', (request, reply) => {
    const file = files.get(request.params.file)
    if (!file) throw new ProxyError('unknown', 'the status page has no such file')
    return send(request, reply, file)
  })

  function details(key: string, find: string) {
    const slash = key.indexOf('/')
    const entry = view.entry(key.slice(0, slash), key.slice(slash + 1))
    if (!entry) throw new ProxyError('unknown', 'there is no such target, or it is gone')
    const { nodes, settings, cluster } = headOf(view, unixTime)
    const context = targetContexts(nodes, view.swarmState()?.value)(entry.owner)
    const outcome = view.outcomeOf(entry)
    const discovery = view.discoveredTarget(entry.owner, entry.target.id)
    return detailsOf(entry, {
      ...{ context, outcome, discovery, settings, cluster, find, families },
      ...{ unix: unixTime, now: clock.now() },
    })
  }
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** By name. */
function readPageFiles(): ReadonlyMap<string, Document> {
  const folder = new URL('./page/', import.meta.url)
  const names = readdirSync(folder).filter((name) => extname(name) in contentTypes)
  return new Map(
    names.map((name) => [
      name,
      documentOf(readFileSync(new URL(name, folder)), contentTypes[extname(name)]!),
    ]),
  )
}

async function send(
  { headers: { 'if-none-match': ifNoneMatch, 'accept-encoding': acceptEncoding } }: FastifyRequest,
  reply: FastifyReply,
  document: Document,
): Promise<FastifyReply> {
  const { status, headers, body } = await document.answer({ ifNoneMatch, acceptEncoding })
  const vary = 'accept, accept-encoding'
  return addSecurityHeaders(reply)
    .code(status)
    .headers({ ...headers, vary })
    .send(body)
}

function jsonOf(value: unknown): Document {
  return documentOf(Buffer.from(JSON.stringify(value)), 'application/json; charset=utf-8')
}

/**
 * Only the page's own files, no inline code or style, and no way to turn text into markup: what containers write
 * reaches the page as text alone.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

function addSecurityHeaders(reply: FastifyReply): FastifyReply {
  // without TLS browsers ignore this header and log an error
  if (reply.request.protocol === 'https') reply.header('cross-origin-opener-policy', 'same-origin')
  return reply
    .header('content-security-policy', contentSecurityPolicy)
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'no-referrer')
    .header('cross-origin-resource-policy', 'same-origin')
}
