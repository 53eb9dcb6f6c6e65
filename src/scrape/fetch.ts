// One GET of one page, as bytes.

import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import { redact } from '../http/credentials.ts'
import type { Mono } from '../model.ts'
import { type Connection, createConnections, type Request } from './connections.ts'
import { Collector, type Response } from './exchange.ts'
import { failureOf, shown, tooSlow } from './failures.ts'
import { NeedsMemory, type ScrapeMemory } from './memory.ts'

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
  /** Absent: the body is bounded by its largest size alone. */
  readonly memory?: ScrapeMemory
}

export interface Fetcher {
  /** Resolves for an answer of 200; rejects with a ProxyError for everything else. */
  fetch(url: string, options: FetchOptions): Promise<Fetched>
  close(): Promise<void>
}

export interface FetcherOptions {
  readonly clock: Clock
  /** The largest body, as it is received. */
  readonly maxBodyBytes: number
  readonly verifyTls: boolean
  /** The value of the header `Authorization` for this URL, and for redirects within its origin. */
  readonly authorizationFor?: (url: string) => string | undefined
}

const accept =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,' +
  'application/openmetrics-text;version=0.0.1;q=0.5,' +
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
const maxRedirects = 3
const redirects = new Set([301, 302, 303, 307, 308])
/** A fetch's own deadline is the first to pass, since its message says more. */
const connectMarginMs = 1000

export function createFetcher({
  clock,
  maxBodyBytes,
  verifyTls,
  authorizationFor = () => undefined,
}: FetcherOptions): Fetcher {
  const connections = createConnections(clock, verifyTls)

  async function fetch(url: string, options: FetchOptions): Promise<Fetched> {
    const deadline = clock.now() + options.timeout
    let target = new URL(url)
    for (let hops = 0; hops <= maxRedirects; hops += 1) {
      const response = await requestTwice(url, target, deadline, options)
      if (!redirects.has(response.status)) return accepted(response)
      target = redirected(target, response)
    }
    throw new ProxyError('redirect', `redirected more than ${maxRedirects} times`)
  }

  /** The container may have closed a kept connection in the very moment in which it was used. */
  async function requestTwice(
    url: string,
    target: URL,
    deadline: Mono,
    options: FetchOptions,
  ): Promise<Response> {
    const once = () =>
      request(connections.take(url, options.timeout + connectMarginMs), target, deadline, options)
    try {
      return await once()
    } catch (error) {
      if (!(error instanceof ClosedMeanwhile)) throw error
      return once()
    }
  }

  async function request(
    connection: Connection,
    target: URL,
    deadline: Mono,
    options: FetchOptions,
  ): Promise<Response> {
    const { memory, signal, timeout, once = false } = options
    const leftMs = deadline - clock.now()
    const collector = new Collector(maxBodyBytes, (bytes) => memory?.use(bytes))
    const abort = () => collector.fail(signal?.reason)
    memory?.onGiveUp((error) => collector.fail(error))
    const cancel = clock.after(Math.max(0, leftMs), () => collector.fail(tooSlow(timeout)))
    try {
      signal?.throwIfAborted()
      signal?.addEventListener('abort', abort)
      connection.get(requestOf(target, leftMs, options, authorizationFor(connection.url)), collector)
      const response = await collector.response
      if (once) connection.close(noLongerNeeded)
      else connections.putBack(connection)
      return response
    } catch (error) {
      connection.close(noLongerNeeded)
      if (error instanceof NeedsMemory) throw error
      const failure = failureOf(error)
      if (connection.isReused && !collector.hasBegun() && failure.code === 'reset')
        throw new ClosedMeanwhile()
      throw failure
    } finally {
      cancel()
      signal?.removeEventListener('abort', abort)
    }
  }

  return { fetch, close: async () => connections.close() }
}

const noLongerNeeded = new ProxyError('stopping', 'the connection is no longer needed')

class ClosedMeanwhile extends Error {}

function requestOf(
  { pathname, search }: URL,
  leftMs: number,
  { left = leftMs, once = false }: FetchOptions,
  authorization: string | undefined,
): Request {
  return {
    path: pathname + search,
    isLast: once,
    // measured: packed and plain cost this agent the same, since what unpacking takes, receiving less saves;
    // and a page that comes packed needs no packing when it is served
    headers: [
      ...['accept', accept, 'accept-encoding', 'gzip', 'user-agent', 'app-metrics-proxy'],
      ...['x-prometheus-scrape-timeout-seconds', (Math.min(leftMs, left) / 1000).toFixed(3)],
      ...(authorization === undefined ? [] : ['authorization', authorization]),
    ],
  }
}

function accepted({ status, headers, body }: Response): Fetched {
  if (status !== 200) throw new ProxyError('status', `answered ${status}`)
  const encoding = (firstOf(headers['content-encoding']) ?? 'identity').toLowerCase()
  if (encoding !== 'gzip' && encoding !== 'identity' && encoding !== '')
    throw new ProxyError('protocol', `answered with the content encoding ${shown(encoding, 40)}`)
  return { body, gzip: encoding === 'gzip', contentType: firstOf(headers['content-type']) }
}

/** Follows only within the same scheme, host and port: a container must not send the agent elsewhere. */
function redirected(from: URL, { headers }: Response): URL {
  const location = firstOf(headers.location) ?? ''
  const to = URL.parse(location, from.href)
  if (to?.origin === from.origin) return to
  throw new ProxyError(
    'redirect',
    `redirects to ${shown(redact(location)) || 'nowhere'}, which is not followed`,
    {
      hint: 'set the labels app-metrics-proxy.port, .path and .scheme to where the metrics are',
    },
  )
}

function firstOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
