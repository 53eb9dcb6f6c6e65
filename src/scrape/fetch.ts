// One GET of one page, as bytes. The only file that knows the HTTP client.
//
// A connection belongs to one target and is held by one fetch at a time: it is taken from the idle ones,
// and put back only after an answer that was read to its end. So no target ever waits for another.

import type { Socket } from 'node:net'
import { buildConnector, Client } from 'undici'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { Mono } from '../model.ts'
import { createBudget } from './budget.ts'
import { type Answer, Collector } from './exchange.ts'
import { failureOf, shown, tooSlow } from './failures.ts'

export interface Fetched {
  /** As it came, still packed if `gzip`. */
  readonly body: Uint8Array
  readonly gzip: boolean
  readonly contentType: string | undefined
}

export interface FetchOptions {
  /** Milliseconds for all of it: connecting, redirects, headers and body. */
  readonly timeout: number
  /** The time left as the container is told it; `timeout` if absent. */
  readonly left?: number
  /** Closes the connection after the answer. */
  readonly once?: boolean
  readonly signal?: AbortSignal
}

export interface Fetcher {
  /** Resolves for an answer of 200; rejects with a ProxyError for everything else. */
  fetch(url: string, options: FetchOptions): Promise<Fetched>
  close(): Promise<void>
}

export interface FetcherOptions {
  readonly clock: Clock
  /** The largest body, as it is received. */
  readonly maxBody: number
  readonly verifyTls: boolean
}

const accept =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,' +
  'application/openmetrics-text;version=0.0.1;q=0.5,' +
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
const mostRedirects = 3
const mostHeaderBytes = 16 * 1024
const keepAlive = 60_000
/** All bodies under way together, in bodies of the largest size. */
const mostBodies = 4
const redirects = new Set([301, 302, 303, 307, 308])

interface Connection {
  /** As its askers name the target. */
  readonly url: string
  readonly client: Client
  /** Where it is asked for, unless the answer leads elsewhere. */
  readonly target: URL
  /** The newest one, from when it begins to connect. */
  socket: Socket | undefined
  /** It has answered before, so its next failure may only mean that it had been closed meanwhile. */
  used: boolean
  idleSince: Mono
  /** What ends it, until another one asks through it: mostly the same one asks each time. */
  asker: AbortSignal | undefined
  readonly abort: () => void
}

export function createFetcher({ clock, maxBody, verifyTls }: FetcherOptions): Fetcher {
  const idle = new Map<string, Connection>()
  const busy = new Set<Connection>()
  const budget = createBudget(mostBodies * maxBody)
  let cancelSweep = clock.after(keepAlive, sweep)

  function take(url: string): Connection {
    const connection = idle.get(url) ?? open(url)
    idle.delete(url)
    busy.add(connection)
    return connection
  }

  function open(url: string): Connection {
    const target = new URL(url)
    const connector = buildConnector({ allowH2: false, rejectUnauthorized: verifyTls })
    const client = new Client(target.origin, {
      allowH2: false,
      connect(options, done) {
        // it returns the socket, which its type doesn't tell
        connection.socket = connector(options, done) as unknown as Socket
      },
      keepAliveTimeout: keepAlive,
      keepAliveMaxTimeout: keepAlive,
      maxHeaderSize: mostHeaderBytes,
      // one timer of ours covers the whole fetch
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    const connection: Connection = {
      ...{ url, client, target, socket: undefined, used: false, idleSince: 0, asker: undefined },
      abort: () => discard(connection, failureOf(connection.asker?.reason)),
    }
    return connection
  }

  function heed(connection: Connection, asker: AbortSignal | undefined): void {
    if (connection.asker === asker) return
    connection.asker?.removeEventListener('abort', connection.abort)
    asker?.addEventListener('abort', connection.abort)
    connection.asker = asker
  }

  function putBack(connection: Connection): void {
    const { url } = connection
    busy.delete(connection)
    const other = idle.get(url)
    connection.used = true
    connection.idleSince = clock.now()
    idle.set(url, connection)
    if (other) discard(other, stale)
  }

  function discard(connection: Connection, why: Error): void {
    const { url } = connection
    busy.delete(connection)
    heed(connection, undefined)
    if (idle.get(url) === connection) idle.delete(url)
    end(connection, why).catch(() => {})
  }

  /** The connections themselves close when their time is up; this forgets the clients around them. */
  function sweep(): void {
    const before = clock.now() - 2 * keepAlive
    for (const connection of [...idle.values()])
      if (connection.idleSince <= before) discard(connection, stale)
    cancelSweep = clock.after(keepAlive, sweep)
  }

  async function fetch(url: string, options: FetchOptions): Promise<Fetched> {
    const ended = clock.now() + options.timeout
    let elsewhere: URL | undefined
    for (let hops = 0; hops <= mostRedirects; hops += 1) {
      const answer = await askTwice(url, elsewhere, ended, options)
      if (!redirects.has(answer.status)) return accepted(answer)
      elsewhere = redirected(elsewhere ?? new URL(url), answer)
    }
    throw new ProxyError('redirect', `redirected more than ${mostRedirects} times`)
  }

  /** A kept connection may have been closed by the container in the very moment we used it. */
  async function askTwice(
    url: string,
    elsewhere: URL | undefined,
    ended: Mono,
    options: FetchOptions,
  ): Promise<Answer> {
    try {
      return await ask(take(url), elsewhere, ended, options)
    } catch (error) {
      if (!(error instanceof ClosedMeanwhile)) throw error
      return ask(take(url), elsewhere, ended, options)
    }
  }

  async function ask(
    connection: Connection,
    elsewhere: URL | undefined,
    ended: Mono,
    options: FetchOptions,
  ): Promise<Answer> {
    const giveUp = (why: unknown) => discard(connection, failureOf(why))
    const left = ended - clock.now()
    const share = budget.open(giveUp)
    const cancel = clock.after(Math.max(0, left), () => giveUp(tooSlow(options.timeout)))
    const collector = new Collector(maxBody, share)
    try {
      options.signal?.throwIfAborted()
      heed(connection, options.signal)
      connection.client.dispatch(requestOf(elsewhere ?? connection.target, left, options), collector)
      const answer = await collector.answer
      if (options.once) discard(connection, stale)
      else putBack(connection)
      return answer
    } catch (error) {
      discard(connection, stale)
      if (connection.used && !collector.begun && isClosed(error)) throw new ClosedMeanwhile()
      throw failureOf(error)
    } finally {
      cancel()
      share.close()
    }
  }

  return {
    fetch,
    async close() {
      cancelSweep()
      const all = [...idle.values(), ...busy]
      idle.clear()
      await Promise.all(all.map((one) => end(one, new ProxyError('stopping', 'the agent stops'))))
    },
  }
}

/** The client alone would leave a socket that still connects to itself, and with it the process, for ten seconds. */
async function end({ client, socket }: Connection, why: Error): Promise<void> {
  await client.destroy(why)
  socket?.destroy(why)
}

/** Told to a client that nobody waits for any more. */
const stale = new ProxyError('stopping', 'the connection is no longer needed')

class ClosedMeanwhile extends Error {}

function isClosed(error: unknown): boolean {
  const { code } = error as { code?: string }
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
}

function requestOf(target: URL, left: number, options: FetchOptions) {
  const told = Math.min(left, options.left ?? left) / 1000
  return {
    path: target.pathname + target.search,
    method: 'GET' as const,
    // measured: packed and plain cost this agent the same, since what unpacking takes, receiving less saves;
    // and a page that comes packed needs no packing when it is served
    headers: [
      'accept',
      accept,
      'accept-encoding',
      'gzip',
      'user-agent',
      'app-metrics-proxy',
      'x-prometheus-scrape-timeout-seconds',
      told.toFixed(3),
    ],
    ...(options.once ? { reset: true } : {}),
  }
}

function accepted({ status, headers, body }: Answer): Fetched {
  if (status !== 200) throw new ProxyError('status', `answered ${status}`)
  const encoding = (one(headers['content-encoding']) ?? 'identity').toLowerCase()
  if (encoding !== 'gzip' && encoding !== 'identity' && encoding !== '')
    throw new ProxyError('protocol', `answered with the content encoding ${shown(encoding, 40)}`)
  return { body, gzip: encoding === 'gzip', contentType: one(headers['content-type']) }
}

/** Follows only within the same scheme, host and port: a container must not send the agent elsewhere. */
function redirected(from: URL, { headers }: Answer): URL {
  const location = one(headers.location) ?? ''
  const to = URL.parse(location, from.href)
  if (to?.origin === from.origin) return to
  throw new ProxyError('redirect', `redirects to ${shown(location) || 'nowhere'}, which is not followed`, {
    mend: 'set the labels app-metrics-proxy.port, .path and .scheme to where the metrics are',
  })
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
