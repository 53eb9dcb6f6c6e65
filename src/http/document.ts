// A document that is made from the store: made anew only after a change that matters, sent only where the
// client hasn't got it yet.

import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Answer } from './answer.ts'
import { acceptsGzip, hasVersion } from './negotiation.ts'

const compress = promisify(gzip)
/** Smaller ones gain nothing that is worth the work. */
const worthCompressing = 1400

export interface Asked {
  readonly ifNoneMatch?: string | undefined
  readonly acceptEncoding?: string | undefined
}

export interface Document {
  readonly body: Buffer
  answer(asked: Asked): Promise<Answer>
}

/** The document of before where it says the same, so that who has it needn't fetch it again. */
export function renewed(before: Document | undefined, body: Buffer, contentType: string): Document {
  return before?.body.equals(body) ? before : documentOf(body, contentType)
}

export function documentOf(body: Buffer, contentType: string): Document {
  const tag = `"${randomUUID()}"`
  const headers = { etag: tag, 'cache-control': 'no-cache', vary: 'accept-encoding' }
  let compressed: Promise<Buffer> | undefined

  return {
    body,
    async answer({ ifNoneMatch, acceptEncoding }) {
      if (hasVersion(ifNoneMatch, tag)) return { status: 304, headers, body: '' }
      const full = { ...headers, 'content-type': contentType }
      if (body.length < worthCompressing || !acceptsGzip(acceptEncoding))
        return { status: 200, headers: full, body }
      compressed ??= compress(body, { level: 1 })
      return { status: 200, headers: { ...full, 'content-encoding': 'gzip' }, body: await compressed }
    },
  }
}
