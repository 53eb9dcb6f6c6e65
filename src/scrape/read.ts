// From a URL to a page of valid metrics, or to the reason why there are none.

import pLimit from 'p-limit'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { inspect } from '../exposition/inspect.ts'
import type { MetricsPage } from '../model.ts'
import { plainPage } from '../model.ts'
import type { ByteBudget } from '../runtime/byte-budget.ts'
import { unpack } from './body.ts'
import { printable } from './failures.ts'
import type { Fetched, FetchOptions } from './fetch.ts'
import { type ScrapeMemory, withMemory } from './scrape-memory.ts'

type Inspection = ReturnType<typeof inspect>

/** A page, and its Content-Type. */
export interface ScrapeResult {
  readonly page: MetricsPage
  /** The body of a page that is kept as gzip. */
  readonly unpacked?: Uint8Array
  readonly contentType: string | undefined
}

interface ReadOptions extends FetchOptions {
  /** What it took the last time, see `bytesToRead`. */
  readonly expectedBytes?: number
}

/** Rejects with a ProxyError if `url` has no valid metrics. */
export type Read = (url: string, options: ReadOptions) => Promise<ScrapeResult>

interface ReadDeps {
  readonly fetch: (url: string, options: FetchOptions) => Promise<Fetched>
  /** Whether a body is valid metrics. */
  readonly inspect: (body: Uint8Array, contentType: string | undefined) => Inspection
  /** The largest body, uncompressed. */
  readonly maxBodyBytes: number
  readonly clock: Clock
  /** Shared by all reads. */
  readonly budget: ByteBudget
}

/** Inspecting a larger body takes several milliseconds. */
const largeBytes = 2 ** 20

export function createRead({ fetch, inspect, maxBodyBytes, clock, budget }: ReadDeps): Read {
  const oneAtATime = pLimit(1)

  /** Large bodies one at a time, each followed by a pause as long: half of the event loop is left for all else. */
  function inspectLarge(
    body: Uint8Array,
    contentType: string | undefined,
    { revoked }: ScrapeMemory,
  ): Promise<Inspection> {
    return new Promise((resolve, reject) => {
      void oneAtATime(async () => {
        const startedAt = clock.now()
        try {
          revoked.throwIfAborted()
          resolve(inspect(body, contentType))
        } catch (error) {
          reject(error)
        }
        await clock.sleep(clock.now() - startedAt)
      })
    })
  }

  async function read(url: string, options: ReadOptions, memory: ScrapeMemory): Promise<ScrapeResult> {
    const fetched = await fetch(url, { ...options, memory })
    const { contentType } = fetched
    const body = fetched.gzip ? await unpack(fetched.body, maxBodyBytes, memory.use) : fetched.body
    const isLarge = body.length > largeBytes
    const found = isLarge ? await inspectLarge(body, contentType, memory) : inspect(body, contentType)
    if (!found.ok) throw invalid(body, found)
    const page = pageOf(body, found, fetched)
    return { page, contentType, ...(page.content.kind === 'gzip' && { unpacked: body }) }
  }

  return (url, options) => {
    const needs = {
      owner: url,
      expectedBytes: options.expectedBytes ?? 0,
      // as received, and uncompressed
      maxBytes: 2 * maxBodyBytes,
      timeoutMs: options.timeoutMs,
    }
    return withMemory(budget, clock, needs, (memory, timeoutMs) =>
      read(url, { ...options, timeoutMs }, memory),
    )
  }
}

/** The memory that reading this page again takes: pages grow a little from time to time. */
export function bytesToRead({ content, size }: MetricsPage): number {
  const receivedBytes = content.kind === 'gzip' ? content.bytes.length : 0
  return Math.ceil((receivedBytes + size) * 1.25)
}

/** The container's own gzip is kept: it is served unchanged, and takes the least memory. */
function pageOf(
  body: Uint8Array,
  found: Inspection & { ok: true },
  { gzip, body: received }: Fetched,
): MetricsPage {
  const page = plainPage(found.normalized ?? body, found)
  return gzip && !found.normalized ? { ...page, content: { kind: 'gzip', bytes: received } } : page
}

function invalid(body: Uint8Array, { line, column, reason }: Inspection & { ok: false }): ProxyError {
  if (isMarkup(body)) return new ProxyError('invalid', 'answered HTML, not metrics')
  return new ProxyError(
    'invalid',
    `answered no valid metrics: line ${line}, column ${column}: ${printable(reason)}`,
  )
}

/** No metric begins with `<`; every HTML or XML document does. */
function isMarkup(body: Uint8Array): boolean {
  const start = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, 256)).toString('latin1')
  return /^(\u00ef\u00bb\u00bf)?\s*</.test(start)
}
