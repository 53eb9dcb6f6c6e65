// Documents that are sent to many clients, as values for modules that do not know the server.

import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { ProxyError } from '../errors.ts'
import { acceptsGzip, hasVersion, minGzipBytes } from './negotiation.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

/** What is incomplete is never sent: Prometheus would delete the targets, rules or series that are not in it. */
export function refuseIncomplete(pending: readonly string[]): void {
  if (pending.length > 0)
    throw new ProxyError('not_ready', `not known yet, waiting for: ${pending.join(', ')}`)
}

/** The headers of a request that decide how a document is sent. */
export interface DocumentRequest {
  readonly ifNoneMatch?: string | undefined
  readonly acceptEncoding?: string | readonly string[] | undefined
}

/** A body that is sent to many clients, and only to those that do not have it yet. */
export type Document = (request: DocumentRequest) => Promise<Answer>

/** A request that was answered, for the list of clients. */
export interface ClientRequest {
  readonly subject: 'metrics' | 'targets' | 'rules'
  readonly address: string
  readonly userAgent: string
  readonly path: string
  /** Of the response. Undefined if it has none that counts: it failed, or nothing has changed. */
  readonly contentType: string | undefined
}

const compress = promisify(gzip)

/** The ETag is a hash of the body: equal bodies have equal ETags, also on other agents and after a restart. */
export function documentOf(body: Buffer, contentType: string): Document {
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`
  const headers = { etag, 'cache-control': 'no-cache', vary: 'accept-encoding' }
  /** Compressed once, so that many clients at once do not take memory and CPU for a compression each. */
  let compressed: Promise<Buffer> | undefined

  return async ({ ifNoneMatch, acceptEncoding }) => {
    if (hasVersion(ifNoneMatch, etag)) return { status: 304, headers, body: '' }
    const full = { ...headers, 'content-type': contentType }
    if (body.length < minGzipBytes || !acceptsGzip(acceptEncoding))
      return { status: 200, headers: full, body }
    compressed ??= compress(body, { level: 1 })
    return { status: 200, headers: { ...full, 'content-encoding': 'gzip' }, body: await compressed }
  }
}
