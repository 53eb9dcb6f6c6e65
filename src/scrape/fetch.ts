// One GET of one page, as bytes.
//
// A connection belongs to one target and is held by one fetch at a time: it is taken from the idle ones,
// and put back only after an answer that was read to its end. So no target ever waits for another.

import type { Clock } from '../clock.ts'
import { redact } from '../credentials.ts'
import { ProxyError } from '../errors.ts'
import type { Mono } from '../model.ts'
import { Collector, type Received } from './exchange.ts'
import { failureOf, shown, tooSlow } from './failures.ts'
import { Connection } from './http/connection.ts'
import type { Head } from './http/head.ts'
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
  readonly maxBody: number
  readonly verifyTls: boolean
  /** The value of the header `Authorization` for this URL, and for redirects within its origin. */
  readonly authorizationFor?: (url: string) => string | undefined
}

const accept =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,' +
  'application/openmetrics-text;version=0.0.1;q=0.5,' +
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
// measured: packed and plain cost this agent the same, since what unpacking takes, receiving less saves;
// and a page that comes packed needs no packing when it is served
const asks = `accept: ${accept}\r\naccept-encoding: gzip\r\nuser-agent: app-metrics-proxy\r\n`
const mostRedirects = 3
const keepAlive = 60_000
/** A connection isn't used any more so long before the container closes it. */
const margin = 1000
const redirects = new Set([301, 302, 303, 307, 308])

/** A connection, and whose it is. */
interface Line {
  /** As its askers name the target. */
  readonly url: string
  /** Where it is asked for, unless the answer leads elsewhere. */
  readonly target: URL
  readonly connection: Connection
  /** It has answered before, so its next failure may only mean that it had been closed meanwhile. */
  used: boolean
  /** While idle: it isn't kept for longer. */
  until: Mono
  /** What ends it, until another one asks through it: mostly the same one asks each time. */
  asker: AbortSignal | undefined
  readonly abort: () => void
}

export function createFetcher({
  clock,
  maxBody,
  verifyTls,
  authorizationFor = () => undefined,
}: FetcherOptions): Fetcher {
  const idle = new Map<string, Line>()
  const busy = new Set<Line>()
  let cancelSweep = clock.after(keepAlive, sweep)

  function take(url: string): Line {
    const kept = idle.get(url)
    if (!kept) return open(url)
    idle.delete(url)
    busy.add(kept)
    if (isUsable(kept)) return kept
    discard(kept, stale)
    return open(url)
  }

  function isUsable({ connection, until }: Line): boolean {
    return connection.open && clock.now() < until
  }

  function open(url: string): Line {
    const target = new URL(url)
    const line: Line = {
      ...{ url, target, used: false, until: 0, asker: undefined },
      connection: new Connection(target, verifyTls),
      abort: () => discard(line, failureOf(line.asker?.reason)),
    }
    busy.add(line)
    return line
  }

  function heed(line: Line, asker: AbortSignal | undefined): void {
    if (line.asker === asker) return
    line.asker?.removeEventListener('abort', line.abort)
    asker?.addEventListener('abort', line.abort)
    line.asker = asker
  }

  function putBack(line: Line, keptFor = Number.POSITIVE_INFINITY): void {
    const other = idle.get(line.url)
    if (other) discard(other, stale)
    line.used = true
    line.until = clock.now() + Math.min(keepAlive, keptFor - margin)
    busy.delete(line)
    idle.set(line.url, line)
    if (!isUsable(line)) discard(line, stale)
  }

  function discard(line: Line, why: Error): void {
    const { url } = line
    busy.delete(line)
    heed(line, undefined)
    if (idle.get(url) === line) idle.delete(url)
    line.connection.close(why)
  }

  function sweep(): void {
    for (const line of [...idle.values()]) if (!isUsable(line)) discard(line, stale)
    cancelSweep = clock.after(keepAlive, sweep)
  }

  async function fetch(url: string, options: FetchOptions): Promise<Fetched> {
    const ended = clock.now() + options.timeout
    let elsewhere: URL | undefined
    for (let hops = 0; hops <= mostRedirects; hops += 1) {
      const received = await askTwice(url, elsewhere, ended, options)
      if (!redirects.has(received.head.status)) return accepted(received)
      elsewhere = redirected(elsewhere ?? new URL(url), received.head)
    }
    throw new ProxyError('redirect', `redirected more than ${mostRedirects} times`)
  }

  /** A kept connection may have been closed by the container in the very moment we used it. */
  async function askTwice(
    url: string,
    elsewhere: URL | undefined,
    ended: Mono,
    options: FetchOptions,
  ): Promise<Received> {
    try {
      return await ask(take(url), elsewhere, ended, options)
    } catch (error) {
      if (!(error instanceof ClosedMeanwhile)) throw error
      return ask(open(url), elsewhere, ended, options)
    }
  }

  async function ask(
    line: Line,
    elsewhere: URL | undefined,
    ended: Mono,
    options: FetchOptions,
  ): Promise<Received> {
    const giveUp = (why: unknown) => discard(line, failureOf(why))
    const left = ended - clock.now()
    options.memory?.onGiveUp(giveUp)
    const cancel = clock.after(Math.max(0, left), () => giveUp(tooSlow(options.timeout)))
    const collector = new Collector(maxBody, (bytes) => options.memory?.use(bytes))
    try {
      options.signal?.throwIfAborted()
      heed(line, options.signal)
      const authorization = authorizationFor(line.url)
      line.connection.ask(requestOf(elsewhere ?? line.target, left, { ...options, authorization }), collector)
      const received = await collector.received
      if (options.once) discard(line, stale)
      else putBack(line, received.head.keptFor)
      return received
    } catch (error) {
      discard(line, stale)
      if (error instanceof NeedsMemory) throw error
      const failure = failureOf(error)
      if (line.used && !collector.begun && failure.code === 'reset') throw new ClosedMeanwhile()
      throw failure
    } finally {
      cancel()
    }
  }

  return {
    fetch,
    async close() {
      cancelSweep()
      for (const line of [...idle.values(), ...busy])
        discard(line, new ProxyError('stopping', 'the agent stops'))
    },
  }
}

/** Told to a connection on which nobody waits any more. */
const stale = new ProxyError('stopping', 'the connection is no longer needed')

class ClosedMeanwhile extends Error {}

interface RequestOptions extends FetchOptions {
  readonly authorization: string | undefined
}

/** A URL has no line breaks, nor anything else that could add to the request. */
function requestOf({ host, pathname, search }: URL, left: number, options: RequestOptions): string {
  const told = Math.min(left, options.left ?? left) / 1000
  const { authorization } = options
  return (
    `GET ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n` +
    `${authorization === undefined ? '' : `authorization: ${authorization}\r\n`}` +
    `connection: ${options.once ? 'close' : 'keep-alive'}\r\n${asks}` +
    `x-prometheus-scrape-timeout-seconds: ${told.toFixed(3)}\r\n\r\n`
  )
}

function accepted({ head: { status, contentEncoding, contentType }, body }: Received): Fetched {
  if (status !== 200) throw new ProxyError('status', `answered ${status}`)
  const encoding = (contentEncoding ?? 'identity').toLowerCase()
  if (encoding !== 'gzip' && encoding !== 'identity' && encoding !== '')
    throw new ProxyError('protocol', `answered with the content encoding ${shown(encoding, 40)}`)
  return { body, gzip: encoding === 'gzip', contentType }
}

/** Follows only within the same scheme, host and port: a container must not send the agent elsewhere. */
function redirected(from: URL, { location = '' }: Head): URL {
  const to = URL.parse(location, from.href)
  if (to?.origin === from.origin) return to
  throw new ProxyError(
    'redirect',
    `redirects to ${shown(redact(location)) || 'nowhere'}, which is not followed`,
    {
      mend: 'set the labels app-metrics-proxy.port, .path and .scheme to where the metrics are',
    },
  )
}
