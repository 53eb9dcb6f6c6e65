// One GET, whose body is returned as bytes.

import { type Clock, lessMargin } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import { redact } from '../http/credentials.ts'
import type { FormatKind, Mono } from '../model.ts'
import { dropBody, keepBody } from './body.ts'
import {
  type Connection,
  type ConnectionRequest,
  type ConnectionResponse,
  createConnections,
  type ResponseHead,
} from './connections.ts'
import { printable, scrapeErrorOf, timeoutError } from './failures.ts'
import { NeedsMemory, type ScrapeMemory } from './scrape-memory.ts'

export interface Fetched {
  /** As received, compressed if `gzip`. */
  readonly body: Uint8Array
  readonly gzip: boolean
  readonly contentType: string | undefined
}

export interface FetchOptions {
  /** For everything: connecting, redirects, headers and body. */
  readonly timeoutMs: number
  /** Which formats are asked for first. Default: text. */
  readonly kind?: FormatKind
  /** Whether to keep the connection for the next fetch. Default: true. */
  readonly keepAlive?: boolean
  readonly signal?: AbortSignal
  /** Default: only `maxBodyBytes` bounds the body. */
  readonly memory?: ScrapeMemory
}

export interface Fetcher {
  /** Resolves for a response with status 200; rejects with a ProxyError otherwise. */
  fetch(url: string, options: FetchOptions): Promise<Fetched>
  close(): Promise<void>
}

interface FetcherOptions {
  readonly clock: Clock
  /** The largest body, as received. */
  readonly maxBodyBytes: number
  readonly verifyTls: boolean
  /** The value of the header `Authorization` for this URL, and for redirects within its origin. */
  readonly authorizationFor?: (url: string) => string | undefined
}

const acceptText =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,' +
  'application/openmetrics-text;version=0.0.1;q=0.5,' +
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
/** As Prometheus asks for native histograms: without a kind of escaping. */
const acceptProtobuf = `application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,${acceptText}`
const maxRedirects = 3
const redirects = new Set([301, 302, 303, 307, 308])
const notAcceptable = 406
/** The timeout for connecting is longer by this, so that the fetch's own one, with the better message, comes first. */
const connectMarginMs = 1000

export function createFetcher({
  clock,
  maxBodyBytes,
  verifyTls,
  authorizationFor = () => undefined,
}: FetcherOptions): Fetcher {
  const connections = createConnections(clock, verifyTls)

  async function fetch(url: string, options: FetchOptions): Promise<Fetched> {
    const deadline = clock.now() + options.timeoutMs
    let target = new URL(url)
    for (let hops = 0; hops <= maxRedirects; hops += 1) {
      const response = await requestWithRetry(url, target, deadline, options)
      if (!redirects.has(response.status)) return accepted(response)
      target = redirected(target, response)
    }
    throw new ProxyError('redirect', `redirected more than ${maxRedirects} times`)
  }

  /** Retries as long as the container closed an idle connection while it was being used. */
  async function requestWithRetry(
    url: string,
    target: URL,
    deadline: Mono,
    options: FetchOptions,
  ): Promise<ConnectionResponse> {
    for (;;)
      try {
        const connection = connections.checkout(url, options.timeoutMs + connectMarginMs)
        return await request(connection, target, deadline, options)
      } catch (error) {
        if (!(error instanceof ClosedWhileIdle)) throw error
      }
  }

  async function request(
    connection: Connection,
    target: URL,
    deadline: Mono,
    options: FetchOptions,
  ): Promise<ConnectionResponse> {
    const { memory, timeoutMs, keepAlive = true } = options
    const signals = [options.signal, memory?.revoked]
    const leftMs = deadline - clock.now()
    const cancel = clock.after(Math.max(0, leftMs), () => connection.close(timeoutError(timeoutMs)))
    const abort = () => connection.close(signals.find((signal) => signal?.aborted)?.reason)
    for (const signal of signals) signal?.addEventListener('abort', abort)
    try {
      for (const signal of signals) signal?.throwIfAborted()
      const response = await get(
        connection,
        requestOf(target, leftMs, options, authorizationFor(connection.url)),
        memory,
      )
      if (keepAlive) connections.putBack(connection)
      else connection.close()
      return response
    } catch (error) {
      connection.close()
      if (error instanceof NeedsMemory || error instanceof ClosedWhileIdle) throw error
      throw scrapeErrorOf(error)
    } finally {
      cancel()
      for (const signal of signals) signal?.removeEventListener('abort', abort)
    }
  }

  async function get(
    connection: Connection,
    request: ConnectionRequest,
    memory: ScrapeMemory | undefined,
  ): Promise<ConnectionResponse> {
    try {
      return await connection.get(request, ({ status, headers }) =>
        status === 200
          ? keepBody(announcedBytes(headers), maxBodyBytes, (bytes) => memory?.use(bytes))
          : dropBody(status),
      )
    } catch (error) {
      if (connection.isReused && scrapeErrorOf(error).code === 'reset') throw new ClosedWhileIdle()
      throw error
    }
  }

  return { fetch, close: async () => connections.close() }
}

class ClosedWhileIdle extends Error {}

function requestOf(
  { pathname, search }: URL,
  leftMs: number,
  { keepAlive = true, kind = 'text' }: FetchOptions,
  authorization: string | undefined,
): ConnectionRequest {
  return {
    path: pathname + search,
    keepAlive,
    headers: {
      accept: kind === 'protobuf' ? acceptProtobuf : acceptText,
      // measured: gzip and plain cost the agent the same, and gzip needs no compression when it is served
      'accept-encoding': 'gzip',
      'user-agent': 'app-metrics-proxy',
      'x-prometheus-scrape-timeout-seconds': (lessMargin(leftMs) / 1000).toFixed(3),
      ...(authorization !== undefined && { authorization }),
    },
  }
}

function accepted({ status, headers, body }: ConnectionResponse): Fetched {
  if (status === notAcceptable)
    throw new ProxyError('invalid', 'answered 406: it has metrics in no format that was requested')
  if (status !== 200) throw new ProxyError('http_status', `answered ${status}`)
  const encoding = (firstOf(headers['content-encoding']) ?? 'identity').toLowerCase()
  if (encoding !== 'gzip' && encoding !== 'identity' && encoding !== '')
    throw new ProxyError('protocol', `answered with the content encoding ${printable(encoding, 40)}`)
  return { body, gzip: encoding === 'gzip', contentType: firstOf(headers['content-type']) }
}

/** Only within the same scheme, host and port: a container must not send the agent elsewhere. */
function redirected(from: URL, { headers }: ConnectionResponse): URL {
  const location = firstOf(headers.location) ?? ''
  const to = URL.parse(location, from.href)
  if (to?.origin === from.origin) return to
  throw new ProxyError(
    'redirect',
    `redirects to ${printable(redact(location)) || 'nowhere'}, which is not followed`,
    {
      hint: 'set the labels app-metrics-proxy.port, .path and .scheme to where the metrics are',
    },
  )
}

function announcedBytes(headers: ResponseHead['headers']): number | undefined {
  const length = firstOf(headers['content-length'])
  return length === undefined ? undefined : Number(length)
}

function firstOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
