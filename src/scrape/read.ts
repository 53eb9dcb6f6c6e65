// From a URL to a page of valid metrics, or to the reason why not.

import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { Format, Page } from '../model.ts'
import { plainPage } from '../model.ts'
import type { ByteBudget } from '../runtime/byte-budget.ts'
import { shown } from './failures.ts'
import type { Fetched, FetchOptions } from './fetch.ts'
import { type ScrapeMemory, withMemory } from './memory.ts'
import { createTurns } from './turns.ts'
import { unpack } from './unpack.ts'

/** Whether a body is valid metrics. */
export type Inspect = (body: Uint8Array, contentType: string | undefined) => Inspected

export type Inspected =
  | {
      readonly ok: true
      readonly format: Format
      readonly series: number
      readonly remarks: readonly string[]
      /** The page as it is to be used, where Prometheus wouldn't take it as it came. */
      readonly fixed?: Uint8Array
    }
  | { readonly ok: false; readonly line: number; readonly column: number; readonly reason: string }

/** A page, and what it was announced as. */
export interface Reading {
  readonly page: Page
  readonly contentType: string | undefined
}

export interface ReadOptions extends FetchOptions {
  /** The last reading of the same URL: if nothing has changed since, it is the answer. */
  readonly before?: Reading
}

export type Read = (url: string, options: ReadOptions) => Promise<Reading>

export interface ReaderOptions {
  readonly fetch: (url: string, options: FetchOptions) => Promise<Fetched>
  readonly inspect: Inspect
  /** The largest body, unpacked. */
  readonly maxBodyBytes: number
  readonly clock: Clock
  /** What all that is being read may hold together. */
  readonly budget: ByteBudget
}

/** To look at a larger page takes several milliseconds. */
const largeBytes = 2 ** 20

export function createReader({ fetch, inspect, maxBodyBytes, clock, budget }: ReaderOptions): Read {
  const inTurn = createTurns(clock)

  async function read(url: string, options: ReadOptions, memory: ScrapeMemory): Promise<Reading> {
    const { before } = options
    const fetched = await fetch(url, { ...options, memory })
    if (before && isSame(fetched, before)) return before
    const body = fetched.gzip ? await unpack(fetched.body, maxBodyBytes, memory.use) : fetched.body
    const check = () => inspect(body, fetched.contentType)
    const found = body.length > largeBytes ? await inTurn(check) : check()
    if (!found.ok) throw invalid(body, found)
    return { page: pageOf(body, found, fetched), contentType: fetched.contentType }
  }

  return (url, options) => {
    const attempt = {
      owner: url,
      expectedBytes: options.before ? takenBy(options.before.page) : 0,
      // as it came, and unpacked
      maxBytes: 2 * maxBodyBytes,
      timeoutMs: options.timeout,
    }
    return withMemory(budget, clock, attempt, (memory, timeout) => read(url, { ...options, timeout }, memory))
  }
}

/** The bytes that reading the same again takes: a page grows a little from time to time. */
function takenBy({ content, size }: Page): number {
  const received = content.kind === 'gzip' ? content.bytes.length : 0
  return Math.ceil((received + size) * 1.25)
}

/** The container's own gzip is kept where it sent one: it goes out as it came, and takes the least memory. */
function pageOf(body: Uint8Array, found: Inspected & { ok: true }, { gzip, body: sent }: Fetched): Page {
  const page = plainPage(found.fixed ?? body, found)
  return gzip && !found.fixed ? { ...page, content: { kind: 'gzip', bytes: sent } } : page
}

function isSame({ body, gzip, contentType }: Fetched, before: Reading): boolean {
  const { content } = before.page
  return (
    contentType === before.contentType &&
    content.kind === (gzip ? 'gzip' : 'plain') &&
    Buffer.compare(content.bytes, body) === 0
  )
}

function invalid(body: Uint8Array, { line, column, reason }: Inspected & { ok: false }): ProxyError {
  if (isMarkup(body)) return new ProxyError('invalid', 'answered HTML, not metrics')
  return new ProxyError(
    'invalid',
    `answered no valid metrics: line ${line}, column ${column}: ${shown(reason)}`,
  )
}

/** No metric begins with `<`, and every page of HTML or XML does. */
function isMarkup(body: Uint8Array): boolean {
  const start = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, 256)).toString('latin1')
  return /^(\u00ef\u00bb\u00bf)?\s*</.test(start)
}
