// From a URL to a page of valid metrics, or to the reason why not.

import { ProxyError } from '../errors.ts'
import type { Format, Page } from '../model.ts'
import { shown } from './failures.ts'
import type { Fetched, FetchOptions } from './fetch.ts'
import { type About, createTexts } from './texts.ts'
import { type Unpacked, unpackAside, unpackNow } from './unpack.ts'

/** Whether a body is valid metrics. */
export type Inspect = (body: Uint8Array, contentType: string | undefined) => Inspected

export type Inspected =
  | {
      readonly ok: true
      readonly format: Format
      readonly series: number
      readonly remarks: readonly string[]
      /** The page as it is to be used, where Prometheus wouldn't take it as it came. */
      readonly mended?: Uint8Array
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
  readonly maxBody: number
}

export function createReader({ fetch, inspect, maxBody }: ReaderOptions): Read {
  const texts = createTexts()

  return async (url, options) => {
    const { before } = options
    const fetched = await fetch(url, options)
    if (before && isSame(fetched, before)) return before
    const unpacked = fetched.gzip ? unpackNow(fetched.body, maxBody, texts.room) : { text: fetched.body }
    // without a pause in between, in which another text could take the room
    return inspected(unpacked ?? (await unpackAside(fetched.body, maxBody)), fetched)
  }

  function inspected(unpacked: Unpacked, fetched: Fetched): Reading {
    const { text } = unpacked
    const { body, gzip, contentType } = fetched
    const found = inspect(text, contentType)
    if (!found.ok) throw invalid(text, found)
    const isSent = gzip && !found.mended
    return {
      page: isSent ? texts.pageOf(unpacked, body, found) : plainPage(found.mended ?? text, found),
      contentType,
    }
  }
}

function plainPage(body: Uint8Array, { format, series, remarks }: About): Page {
  return { format, body, size: body.length, series, remarks }
}

function isSame({ body, gzip, contentType }: Fetched, before: Reading): boolean {
  const old = gzip ? before.page.gzip : before.page.body
  return contentType === before.contentType && old !== undefined && Buffer.compare(old, body) === 0
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
