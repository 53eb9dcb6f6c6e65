// `/`: the status page, or the status as JSON for whoever prefers that; `/-/page/…`: the page's own files.

import { promisify } from 'node:util'
import { gzip as gzipOf } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import { acceptsGzip, hasVersion, prefersJson } from '../http/negotiation.ts'
import { type Asset, readAssets } from './assets.ts'
import { type Board, createBoard } from './board.ts'
import { detailsOf, type FamiliesOf } from './details.ts'
import type { StatusView } from './status.ts'
import type { Unix } from './target.ts'

export interface StatusDeps {
  readonly clock: Clock
  readonly view: StatusView
  readonly families: FamiliesOf
  /** Unix seconds; a test gives its own. */
  readonly unix?: Unix
}

interface Ask {
  Querystring: { since?: string; target?: string; find?: string }
}

/** Rounded to milliseconds. Follows the monotonic clock: no step of the machine's clock bends an age. */
export const unixTime: Unix = (at) => Math.round(performance.timeOrigin + at) / 1000

export function serveStatus(server: FastifyInstance, deps: StatusDeps): void {
  const unix = deps.unix ?? unixTime
  const board = createBoard(deps.view, deps.clock, unix)
  const assets = readAssets()

  server.get<Ask>('/', (request, reply) => {
    reply.header('vary', 'accept, accept-encoding')
    if (!prefersJson(request.headers.accept)) return sendAsset(request, reply, assets.get('index.html')!)
    const { target, since, find } = request.query
    if (target === undefined) return sendStatus(request, reply, board, since)
    return sendJson(request, reply, JSON.stringify(details(target, find ?? '')))
  })
  server.get<{ Params: { file: string } }>('/-/page/:file', (request, reply) => {
    const asset = assets.get(request.params.file)
    if (!asset) throw new ProxyError('unknown', 'the status page has no such file')
    return sendAsset(request, reply, asset)
  })

  function details(key: string, find: string) {
    const cut = key.indexOf('/')
    const entry = deps.view.entry(key.slice(0, cut), key.slice(cut + 1))
    if (!entry) throw new ProxyError('unknown', 'there is no such target, or it is gone')
    const { settings, cluster } = board.look()
    const around = board.context(entry.owner)
    return detailsOf(entry, { around, settings, cluster, unix, now: deps.clock.now(), find, ...deps })
  }
}

function sendStatus(
  request: FastifyRequest,
  reply: FastifyReply,
  board: Board,
  since: string | undefined,
): FastifyReply | Promise<FastifyReply> {
  board.look()
  // weak: an answer's `time` differs each time, what it tells is the same
  const etag = `W/"${board.sequence()}"`
  reply.header('etag', etag)
  if (hasVersion(request.headers['if-none-match'], etag)) return reply.code(304).send()
  return sendJson(request, reply, board.print(since))
}

const gzip = promisify(gzipOf)
const smallest = 1400

async function sendJson(request: FastifyRequest, reply: FastifyReply, json: string): Promise<FastifyReply> {
  const body = Buffer.from(json)
  guard(reply).header('content-type', 'application/json; charset=utf-8').header('cache-control', 'no-cache')
  if (body.length < smallest || !acceptsGzip(request.headers['accept-encoding'])) return reply.send(body)
  return reply.header('content-encoding', 'gzip').send(await gzip(body, { level: 1 }))
}

function sendAsset(request: FastifyRequest, reply: FastifyReply, { type, body, etag }: Asset): FastifyReply {
  guard(reply).header('etag', etag).header('cache-control', 'no-cache')
  if (hasVersion(request.headers['if-none-match'], etag)) return reply.code(304).send()
  return reply.header('content-type', type).send(body)
}

/**
 * Nothing but our own files, no inline code or style, and no way to turn text into markup: what containers
 * write reaches the page as text alone.
 */
const policy = [
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

function guard(reply: FastifyReply): FastifyReply {
  // without TLS browsers ignore it, and complain
  if (reply.request.protocol === 'https') reply.header('cross-origin-opener-policy', 'same-origin')
  return reply
    .header('content-security-policy', policy)
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'no-referrer')
    .header('cross-origin-resource-policy', 'same-origin')
}
