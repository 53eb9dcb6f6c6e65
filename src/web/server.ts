// The one port that Prometheus needs to reach: starts, sheds, tells failures as text, and ends without cutting
// anybody off. What is answered is plugged in as routes.

import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer, type ServerOptions as TlsServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { fastify } from 'fastify'
import type { Clock } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import { isInternal, ProxyError, statusOf, troubleOf } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Stoppable } from '../model.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Guard } from './auth/guard.ts'
import { keepRoom } from './crowd.ts'
import { createGate } from './gate.ts'
import { listen } from './listen.ts'
import { countRequests, createRequestCounts } from './requests.ts'

/** Adds its routes to the server. */
export type Plugin = (server: FastifyInstance) => void

export interface ServerOptions {
  readonly port: number
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly plugins: readonly Plugin[]
  /** Listen here instead of on all addresses. */
  readonly host?: string
  /** Decides which requests are answered; with its TLS, nothing else is spoken. Without one, all are. */
  readonly guard?: Pick<Guard, 'tls' | 'onTls' | 'judge' | 'headers'> | undefined
  /** Other bounds than the usual ones on what somebody may do who has only connected. */
  readonly bounds?: Partial<Bounds>
}

export interface Bounds {
  /** Whoever connects has asked, or shaken hands, within this time, or is cut off. */
  readonly headersTimeout: number
  /** How often it is looked whether somebody is to be cut off. */
  readonly connectionsCheckingInterval: number
  readonly mostConnections: number
}

export interface Server extends Stoppable {
  readonly port: number
}

/** Prometheus keeps idle connections for five minutes: whoever closes first must not be us, or scrapes fail. */
const keepAliveTimeout = 320_000
/** Longer than any answer takes: what is silent for so long is dead. */
const connectionTimeout = 330_000
const maxHeaderSize = 16_384
const requestTimeout = 30_000
const usualBounds: Bounds = {
  headersTimeout: 10_000,
  connectionsCheckingInterval: 5000,
  mostConnections: 10_000,
}
/** Requests in flight get this long to be answered when the agent stops. */
const closeWithin = 1500

export async function startServer(options: ServerOptions): Promise<Server> {
  const { clock, log, metrics, plugins, guard } = options
  const counts = createRequestCounts(metrics)
  const { mostConnections, ...timeouts } = { ...usualBounds, ...options.bounds }
  const gate = createGate({ guard, counts, log })
  const server = fastify({
    logger: false,
    serverFactory: (handle) => createServer(gate.listener(handle), guard, timeouts),
    clientErrorHandler: gate.refuseUnreadable,
    forceCloseConnections: 'idle',
    bodyLimit: 1024,
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true },
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) =>
      sendTrouble(reply, invalid(error)),
  }) as FastifyInstance
  keepRoom(server.server, mostConnections)
  server.setErrorHandler((error, request, reply) => sendError(error, request, reply, log))
  server.setNotFoundHandler(notFound)
  countRequests(server, counts)
  for (const plugin of plugins) plugin(server)
  await listen(server, options)
  const { port } = server.server.address() as AddressInfo
  log.info({ port }, 'listening')
  return { port, stop: stopOnce(server, clock) }
}

function createServer(
  listener: RequestListener,
  guard: ServerOptions['guard'],
  timeouts: Omit<Bounds, 'mostConnections'>,
): HttpServer {
  // a request without a host is refused behind the guard, as all are
  const options = { maxHeaderSize, keepAliveTimeout, requireHostHeader: false, ...timeouts }
  const server = guard?.tls
    ? createTlsServer(
        { ...options, ...guard.tls, handshakeTimeout: timeouts.headersTimeout },
        listener,
        guard,
      )
    : createHttpServer(options, listener)
  server.requestTimeout = requestTimeout
  server.setTimeout(connectionTimeout)
  // of themselves, these would be answered before the guard has judged the request
  server.on('checkContinue', listener).on('checkExpectation', listener)
  return server
}

function createTlsServer(options: TlsServerOptions, listener: RequestListener, guard: Pick<Guard, 'onTls'>) {
  const server = createHttpsServer(options, listener)
  guard.onTls((tls) => server.setSecureContext(tls))
  return server
}

/** Stops taking requests, lets those in flight be answered, and cuts off whoever is left after a while. */
function stopOnce(server: FastifyInstance, clock: Clock): () => Promise<void> {
  let stopped: Promise<void> | undefined
  return () => {
    stopped ??= (async () => {
      const cancel = clock.after(closeWithin, () => server.server.closeAllConnections())
      await server.close()
      cancel()
    })()
    return stopped
  }
}

function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  if (isAskersFault(error)) return sendTrouble(reply, invalid(error), error.statusCode)
  if (isInternal(error)) log.internal(error, 'request', { url: request.url })
  return sendTrouble(reply, troubleOf(error))
}

/** What fastify itself refuses: a path that can't be decoded, too large a body. */
function isAskersFault(error: unknown): error is Error & { readonly statusCode: number } {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 0
  return status >= 400 && status < 500
}

function invalid({ message }: Error): Trouble {
  return { code: 'bad_request', reason: message }
}

/** Every route takes GET and HEAD, so that whatever else comes here has the wrong method or the wrong path. */
function notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return sendTrouble(
      reply.header('allow', 'GET, HEAD').header('connection', 'close'),
      { code: 'bad_request', reason: `${request.method} is not answered here, only GET and HEAD are` },
      405,
    )
  const hint = 'ask for /<name>/metrics; / lists all names'
  return sendTrouble(reply, troubleOf(new ProxyError('unknown', 'there is nothing at this path', { hint })))
}

/** Why, and what can be done about it, as text that a person reads off `up` being 0. */
function sendTrouble(reply: FastifyReply, { code, reason, hint }: Trouble, status?: number): FastifyReply {
  return reply
    .code(status ?? statusOf[code])
    .header('content-type', 'text/plain; charset=utf-8')
    .header('x-content-type-options', 'nosniff')
    .send(hint === undefined ? `${reason}\n` : `${reason}\n${hint}\n`)
}
