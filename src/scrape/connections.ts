// Connections to containers, kept alive from one scrape to the next. The only file that imports undici.
//
// States: in use by one fetch, idle, closed. A fetch takes the idle connection of its URL or opens one, and puts it back
// only after a response that was read completely. So no fetch ever waits for another's response.

import { Client } from 'undici'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'

export interface Connection {
  readonly url: string
  /** Whether it was idle before: a failure may only mean that the container closed it meanwhile. */
  isReused: boolean
  /** Resolves once the body is complete. `receive` chooses by the head of the response what becomes of the body. */
  get(request: ConnectionRequest, receive: (head: ResponseHead) => BodyReceiver): Promise<ConnectionResponse>
  /** Who waits for a response gets `reason`. */
  close(reason?: Error): void
}

export interface ConnectionRequest {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Whether the connection will be used again. */
  readonly keepAlive: boolean
}

export interface ResponseHead {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface ConnectionResponse extends ResponseHead {
  readonly body: Uint8Array
}

/** Takes the body piece by piece. What it throws ends the connection and rejects the request. */
export interface BodyReceiver {
  add(chunk: Uint8Array): void
  end(): Uint8Array
}

export interface Connections {
  /** `timeoutMs` is for connecting. */
  checkout(url: string, timeoutMs: number): Connection
  putBack(connection: Connection): void
  close(): void
}

const keepAliveMs = 60_000
/** How long before the container would close an idle connection it is no longer used. */
const keepAliveMarginMs = 1000
const maxHeaderBytes = 16 * 1024

export function createConnections(clock: Clock, verifyTls: boolean): Connections {
  const all = new Set<Connection>()
  const idle = new Map<string, { readonly connection: Connection; readonly cancelClose: () => void }>()

  function open(url: string, timeoutMs: number): Connection {
    const client = new Client(new URL(url).origin, {
      allowH2: false,
      connect: { rejectUnauthorized: verifyTls, timeout: timeoutMs },
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      keepAliveTimeoutThreshold: keepAliveMarginMs,
      maxHeaderSize: maxHeaderBytes,
      // fetch.ts has one timeout for everything
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    const connection: Connection = {
      url,
      isReused: false,
      get: (request, receive) => get(client, request, receive),
      close(reason = noLongerNeeded) {
        if (!all.delete(connection)) return
        if (idle.get(url)?.connection === connection) takeIdle(url)
        void client.destroy(reason)
      },
    }
    all.add(connection)
    return connection
  }

  function takeIdle(url: string): Connection | undefined {
    const { connection, cancelClose } = idle.get(url) ?? {}
    cancelClose?.()
    idle.delete(url)
    return connection
  }

  return {
    checkout: (url, timeoutMs) => takeIdle(url) ?? open(url, timeoutMs),
    putBack(connection) {
      const { url } = connection
      takeIdle(url)?.close()
      connection.isReused = true
      const cancelClose = clock.after(keepAliveMs, () => takeIdle(url)?.close())
      idle.set(url, { connection, cancelClose })
    },
    close() {
      for (const url of [...idle.keys()]) takeIdle(url)
      for (const connection of [...all]) connection.close(new ProxyError('stopping', 'the agent stops'))
    },
  }
}

/** Without the streams of `client.request`, which cost more than all else of a scrape’s HTTP. */
function get(
  client: Client,
  { path, headers, keepAlive }: ConnectionRequest,
  receive: (head: ResponseHead) => BodyReceiver,
): Promise<ConnectionResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<ConnectionResponse>()
  let head: ResponseHead
  let receiver: BodyReceiver
  client.dispatch(
    { method: 'GET', path, headers, reset: !keepAlive },
    {
      onRequestStart() {},
      onResponseStart(_, status, headers) {
        if (status < 200) return
        head = { status, headers }
        receiver = receive(head)
      },
      onResponseData: (_, chunk) => receiver.add(chunk),
      onResponseEnd: () => resolve({ ...head, body: receiver.end() }),
      onResponseError: (_, error) => reject(error),
    },
  )
  return promise
}

const noLongerNeeded = new ProxyError('stopping', 'the connection is no longer needed')
