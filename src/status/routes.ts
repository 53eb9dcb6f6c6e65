// `/`: the status page, or the status as JSON for clients that prefer it. `/-/page/…`: the page's files, read once at
// start; in the bundle they are in a folder beside it.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { promisify } from 'node:util'
import { gzip as gzipWithCallback } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import { acceptsGzip, hasVersion, prefersJson } from '../http/negotiation.ts'
import { detailsOf, type FamiliesOf } from './details.ts'
import { createIncrementalStatus, type StatusResponse } from './incremental.ts'
import { headOf, type StatusView, targetContexts } from './status.ts'
import type { Unix } from './target.ts'

export interface StatusDeps {
  readonly clock: Clock
  readonly view: StatusView
  readonly families: FamiliesOf
}

interface StatusRoute {
  Querystring: { since?: string; target?: string; find?: string }
}

/** Rounded to milliseconds. Follows the monotonic clock, so that a step of the system clock changes no age. */
export const unixTime: Unix = (at) => Math.round(performance.timeOrigin + at) / 1000

export function serveStatus(server: FastifyInstance, { clock, view, families }: StatusDeps): void {
  const readStatus = createIncrementalStatus(view, clock, unixTime)
  const files = readPageFiles()

  server.get<StatusRoute>('/', (request, reply) => {
    reply.header('vary', 'accept, accept-encoding')
    if (!prefersJson(request.headers.accept)) return sendFile(request, reply, files.get('index.html')!)
    const { target, since, find } = request.query
    if (target === undefined) return sendStatus(request, reply, readStatus(), since)
    return sendJson(request, reply, JSON.stringify(details(target, find ?? '')))
  })
  server.get<{ Params: { file: string } }>('/-/page/:file', (request, reply) => {
    const file = files.get(request.params.file)
    if (!file) throw new ProxyError('unknown', 'the status page has no such file')
    return sendFile(request, reply, file)
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

interface PageFile {
  readonly type: string
  readonly body: Buffer
  readonly etag: string
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** By name. */
function readPageFiles(): ReadonlyMap<string, PageFile> {
  const folder = new URL('./page/', import.meta.url)
  const names = readdirSync(folder).filter((name) => extname(name) in contentTypes)
  return new Map(
    names.map((name) => {
      const body = readFileSync(new URL(name, folder))
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`
      return [name, { type: contentTypes[extname(name)]!, body, etag }]
    }),
  )
}

function sendStatus(
  request: FastifyRequest,
  reply: FastifyReply,
  { sequence, toJson }: StatusResponse,
  since: string | undefined,
): FastifyReply | Promise<FastifyReply> {
  // weak: each response has its own `time`, the rest is the same
  const etag = `W/"${sequence}"`
  reply.header('etag', etag)
  if (hasVersion(request.headers['if-none-match'], etag)) return reply.code(304).send()
  return sendJson(request, reply, toJson(since))
}

const gzip = promisify(gzipWithCallback)
const minGzipBytes = 1400

async function sendJson(request: FastifyRequest, reply: FastifyReply, json: string): Promise<FastifyReply> {
  const body = Buffer.from(json)
  addSecurityHeaders(reply)
    .header('content-type', 'application/json; charset=utf-8')
    .header('cache-control', 'no-cache')
  if (body.length < minGzipBytes || !acceptsGzip(request.headers['accept-encoding'])) return reply.send(body)
  return reply.header('content-encoding', 'gzip').send(await gzip(body, { level: 1 }))
}

function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { type, body, etag }: PageFile,
): FastifyReply {
  addSecurityHeaders(reply).header('etag', etag).header('cache-control', 'no-cache')
  if (hasVersion(request.headers['if-none-match'], etag)) return reply.code(304).send()
  return reply.header('content-type', type).send(body)
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
