// The web server: starts, counts requests, sends failures as text, and stops without cutting off responses. Routes are
// added by plugins. A request passes listener.ts, gate.ts, then its route.

import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { fastify } from 'fastify'
import type { Clock } from '../clock.ts'
import type { Failure } from '../errors.ts'
import { failureOf, httpStatusByCode, isInternal, ProxyError } from '../errors.ts'
import type { Answer, DocumentRequest } from '../http/answer.ts'
import type { Log } from '../logging/log.ts'
import type { Stoppable } from '../model.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Guard } from './auth/guard.ts'
import { createGate } from './gate.ts'
import { type ConnectionLimits, createListener, defaultLimits, limitConnections, listen } from './listener.ts'

/** Adds its routes to the server. */
export type Plugin = (server: FastifyInstance) => void

interface ServerOptions {
  readonly port: number
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly plugins: readonly Plugin[]
  /** Listen here instead of on all addresses. */
  readonly host?: string
  /** Decides which requests are answered. Without one, all are. */
  readonly guard?: Pick<Guard, 'tls' | 'onTls' | 'judge' | 'headers'> | undefined
  readonly limits?: Partial<ConnectionLimits>
}

export interface Server extends Stoppable {
  readonly port: number
}

/** When the agent stops, requests in flight are cut off after this time. */
const stopTimeoutMs = 1500

export async function startServer(options: ServerOptions): Promise<Server> {
  const { clock, log, plugins, guard } = options
  const limits = { ...defaultLimits, ...options.limits }
  const count = createRequestMetrics(options.metrics)
  const gate = createGate({ guard, log, countRefusal: (status) => count('none', status, 0) })
  const server = fastify({
    logger: false,
    serverFactory: (handle) => createListener(gate.listener(handle), guard, limits),
    clientErrorHandler: gate.refuseUnreadable,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    bodyLimit: 1024,
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true },
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) =>
      sendFailure(reply, badRequest(error)),
  }) as FastifyInstance
  const connections = limitConnections(server.server, limits, clock)
  // without a promise, so that no connection comes between this and the end of listening
  server.addHook('preClose', (done) => {
    connections.closeUnused()
    done()
  })
  // while it stops: the client would send its next request on the same connection
  server.addHook('onSend', (_request, reply, payload, done) => {
    if (!server.server.listening) reply.header('connection', 'close')
    done(null, payload)
  })
  server.setErrorHandler((error, request, reply) => sendError(error, request, reply, log))
  server.setNotFoundHandler(sendNotFound)
  server.addHook('onResponse', async (request, reply) => {
    const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none')
    count(route, reply.statusCode, reply.elapsedTime)
  })
  for (const plugin of plugins) plugin(server)
  await listen(server, options.port, options.host)
  const { port } = server.server.address() as AddressInfo
  log.info({ port }, 'listening')
  let stopped: Promise<void> | undefined
  return {
    port,
    stop() {
      stopped ??= stop(server, clock)
      return stopped
    },
  }
}

async function stop(server: FastifyInstance, clock: Clock): Promise<void> {
  const cancel = clock.after(stopTimeoutMs, () => server.server.closeAllConnections())
  await server.close()
  cancel()
}

/** Adds a route that answers with a value: service discovery, rules. */
export function serveDocument(
  server: FastifyInstance,
  path: string,
  answer: (request: DocumentRequest & { readonly query: UrlQuery }) => Promise<Answer>,
): void {
  server.get<{ Querystring: UrlQuery }>(path, async (request, reply) => {
    const { 'if-none-match': ifNoneMatch, 'accept-encoding': acceptEncoding } = request.headers
    const { status, headers, body } = await answer({ ifNoneMatch, acceptEncoding, query: request.query })
    return reply.code(status).headers(headers).send(body)
  })
}

type UrlQuery = Readonly<Record<string, string | string[] | undefined>>

function createRequestMetrics(metrics: Metrics) {
  const requests = metrics.counter('app_metrics_proxy_http_requests_total', 'Requests answered.')
  const seconds = metrics.counter(
    'app_metrics_proxy_http_request_seconds_total',
    'Time taken to answer requests.',
  )
  return (route: string, status: number, durationMs: number) => {
    const labels = { route, status: `${status}` }
    requests.add(1, labels)
    seconds.add(durationMs / 1000, labels)
  }
}

function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  if (isClientError(error)) return sendFailure(reply, badRequest(error), error.statusCode)
  if (isInternal(error)) log.internal(error, 'request', { url: request.url })
  return sendFailure(reply, failureOf(error))
}

/** An error of fastify's own: a path that cannot be decoded, too large a body. */
function isClientError(error: unknown): error is Error & { readonly statusCode: number } {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 0
  return status >= 400 && status < 500
}

function badRequest({ message }: Error): Failure {
  return { code: 'bad_request', reason: message }
}

/** All routes take GET and HEAD only. */
function sendNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return sendFailure(
      reply.header('allow', 'GET, HEAD').header('connection', 'close'),
      { code: 'bad_request', reason: `${request.method} is not allowed here, only GET and HEAD are` },
      405,
    )
  const hint = 'request /<name>/metrics; / lists all names'
  return sendFailure(reply, failureOf(new ProxyError('not_found', 'there is nothing at this path', { hint })))
}

/** The reason and what can be done about it, as text: Prometheus shows the status, and people fetch the URL. */
function sendFailure(reply: FastifyReply, { code, reason, hint }: Failure, status?: number): FastifyReply {
  if (code === 'not_ready') reply.header('retry-after', '1')
  return reply
    .code(status ?? httpStatusByCode[code])
    .header('content-type', 'text/plain; charset=utf-8')
    .header('x-content-type-options', 'nosniff')
    .send(hint === undefined ? `${reason}\n` : `${reason}\n${hint}\n`)
}
