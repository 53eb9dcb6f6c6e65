// Connections to containers, each kept from one scrape to the next. The only file that knows the HTTP client.
//
// A connection belongs to one target and is used by one fetch at a time: it is taken from the idle ones, and put back
// only after a response that was read to its end. So no fetch ever waits for another's response.

import { Client, type Dispatcher } from 'undici'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { Mono } from '../model.ts'

export interface Connection {
  readonly url: string
  /** It has brought a response before: its next failure may only mean that the container closed it meanwhile. */
  isReused: boolean
  get(request: Request, handler: Dispatcher.DispatchHandler): void
  close(reason: Error): void
}

export interface Request {
  readonly path: string
  /** Names and values in turn. */
  readonly headers: string[]
  /** Nothing else will be fetched through this connection. */
  readonly isLast: boolean
}

export interface Connections {
  /** `timeoutMs`: for connecting, should nobody close it before. */
  take(url: string, timeoutMs: number): Connection
  putBack(connection: Connection): void
  /** Closes all of them. */
  close(): void
}

const keepAliveMs = 60_000
/** A connection isn't used any more so long before the container closes it. */
const keepAliveMarginMs = 1000
const maxHeaderBytes = 16 * 1024

export function createConnections(clock: Clock, verifyTls: boolean): Connections {
  const all = new Set<Connection>()
  const idle = new Map<string, { readonly connection: Connection; readonly since: Mono }>()
  let cancelSweep = clock.after(keepAliveMs, sweep)

  function open(url: string, timeoutMs: number): Connection {
    const client = new Client(new URL(url).origin, {
      allowH2: false,
      connect: { rejectUnauthorized: verifyTls, timeout: timeoutMs },
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      keepAliveTimeoutThreshold: keepAliveMarginMs,
      maxHeaderSize: maxHeaderBytes,
      // the deadline of the whole fetch counts
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    // after a pause, too, it connects anew
    client.on('connect', () => {
      connection.isReused = false
    })
    const connection: Connection = {
      url,
      isReused: false,
      get({ path, headers, isLast }, handler) {
        client.dispatch({ method: 'GET', path, headers, ...(isLast && { reset: true }) }, handler)
      },
      close(reason) {
        all.delete(connection)
        if (idle.get(url)?.connection === connection) idle.delete(url)
        void client.destroy(reason)
      },
    }
    all.add(connection)
    return connection
  }

  /** The client closes its socket when its time is up; this forgets the client. */
  function sweep(): void {
    for (const { connection, since } of [...idle.values()])
      if (since <= clock.now() - keepAliveMs) connection.close(noLongerNeeded)
    cancelSweep = clock.after(keepAliveMs, sweep)
  }

  return {
    take(url, timeoutMs) {
      const { connection } = idle.get(url) ?? {}
      idle.delete(url)
      return connection ?? open(url, timeoutMs)
    },
    putBack(connection) {
      idle.get(connection.url)?.connection.close(noLongerNeeded)
      connection.isReused = true
      idle.set(connection.url, { connection, since: clock.now() })
    },
    close() {
      cancelSweep()
      for (const connection of [...all]) connection.close(new ProxyError('stopping', 'the agent stops'))
    },
  }
}

const noLongerNeeded = new ProxyError('stopping', 'the connection is no longer needed')
