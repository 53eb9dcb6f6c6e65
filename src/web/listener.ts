// The HTTP server below fastify: TLS, timeouts, the connection limit, and binding the port.

import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createTcpServer, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../clock.ts'
import { portError } from '../http/ports.ts'
import type { Mono } from '../model.ts'
import type { Guard } from './auth/guard.ts'

/** What a client may do before it has sent a request. */
export interface ConnectionLimits {
  /** A client that has not sent its headers, or done its TLS handshake, within this time is disconnected. */
  readonly headersTimeoutMs: number
  readonly checkIntervalMs: number
  readonly maxConnections: number
}

export const defaultLimits: ConnectionLimits = {
  headersTimeoutMs: 10_000,
  checkIntervalMs: 5000,
  maxConnections: 10_000,
}
/** Longer than Prometheus keeps idle connections, 5 minutes: if the server closed one first, a scrape could fail. */
const keepAliveTimeoutMs = 320_000
/** Longer than any response takes. */
const socketTimeoutMs = 330_000
const requestTimeoutMs = 30_000
const maxHeaderBytes = 16_384

export function createListener(
  listener: RequestListener,
  guard: Pick<Guard, 'tls' | 'onTls'> | undefined,
  { headersTimeoutMs, checkIntervalMs }: ConnectionLimits,
): HttpServer {
  const options = {
    maxHeaderSize: maxHeaderBytes,
    keepAliveTimeout: keepAliveTimeoutMs,
    headersTimeout: headersTimeoutMs,
    connectionsCheckingInterval: checkIntervalMs,
    // requests without a Host header are refused by the gate, after the guard
    requireHostHeader: false,
  }
  const server = guard?.tls
    ? createHttpsServer({ ...options, ...guard.tls, handshakeTimeout: headersTimeoutMs }, listener)
    : createHttpServer(options, listener)
  if ('setSecureContext' in server) guard?.onTls((tls) => server.setSecureContext(tls))
  server.requestTimeout = requestTimeoutMs
  server.setTimeout(socketTimeoutMs)
  // by default Node answers these itself, before the guard has judged the request
  server.on('checkContinue', listener).on('checkExpectation', listener)
  return server
}

/** On a newer connection, a request may be on its way. */
const unusedMs = 1000

interface ClientConnections {
  /**
   * Ends those that have been open for a while without a request: clients open some in reserve. To Node they aren't idle.
   */
  closeUnused(): void
}

/** Above the limit, the oldest connection without a request is closed, so that silent ones never keep out a client. */
export function limitConnections(
  server: HttpServer,
  { maxConnections }: ConnectionLimits,
  clock: Clock,
): ClientConnections {
  const silent = new Map<string, { readonly socket: Socket; readonly since: Mono }>()
  let open = 0

  function makeRoom(newcomer: Socket): void {
    const [oldest] = silent.values()
    if (oldest?.socket !== newcomer) return void oldest?.socket.destroy()
    // all others have sent requests: clients open an idle connection again when they need it
    server.closeIdleConnections()
    newcomer.destroy()
  }

  server.on('connection', (socket: Socket) => {
    const key = connectionKey(socket)
    open += 1
    silent.set(key, { socket, since: clock.now() })
    socket.once('close', () => {
      open -= 1
      silent.delete(key)
    })
    if (open > maxConnections) makeRoom(socket)
  })
  server.on('request', ({ socket }) => silent.delete(connectionKey(socket)))
  return {
    closeUnused() {
      for (const { socket, since } of silent.values()) if (clock.now() - since >= unusedMs) socket.destroy()
    },
  }
}

/** The same for a TCP socket and for the TLS socket over it. */
const connectionKey = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`

/** Without a host: on IPv6 and IPv4, or on IPv4 alone where the machine has no IPv6. */
export async function listen(server: FastifyInstance, port: number, host?: string): Promise<void> {
  try {
    await server.listen({ port, host: host ?? ((await hasIpv6()) ? '::' : '0.0.0.0') })
  } catch (error) {
    await server.close()
    throw portError(error, port, 'LISTEN_PORT')
  }
}

function hasIpv6(): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createTcpServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port: 0, host: '::1', exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
