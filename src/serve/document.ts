// A document that is made from the store: made anew only after a change that matters, sent only where the
// asker hasn't got it yet.

import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Answer } from './answer.ts'

const compress = promisify(gzip)
/** Smaller ones gain nothing that is worth the work. */
const worthCompressing = 1400

export interface Asked {
  readonly ifNoneMatch?: string | undefined
  readonly acceptEncoding?: string | undefined
}

export interface Document {
  answer(asked: Asked): Promise<Answer>
}

export function documentOf(text: string, contentType: string): Document {
  const body = Buffer.from(text)
  const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  const headers = { etag: tag, 'cache-control': 'no-cache', vary: 'accept-encoding' }
  let compressed: Promise<Buffer> | undefined

  return {
    async answer({ ifNoneMatch, acceptEncoding }) {
      if (holds(ifNoneMatch, tag)) return { status: 304, headers, body: '' }
      const full = { ...headers, 'content-type': contentType }
      if (body.length < worthCompressing || !acceptsGzip(acceptEncoding))
        return { status: 200, headers: full, body }
      compressed ??= compress(body, { level: 1 })
      return { status: 200, headers: { ...full, 'content-encoding': 'gzip' }, body: await compressed }
    },
  }
}

function holds(ifNoneMatch: string | undefined, tag: string): boolean {
  const held = (ifNoneMatch ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''))
  return held.includes(tag) || held.includes('*')
}

function acceptsGzip(acceptEncoding = ''): boolean {
  return acceptEncoding
    .split(',')
    .some((coding) => /^\s*(gzip|\*)\s*(;|$)/i.test(coding) && !/;\s*q=0(\.0*)?\s*$/i.test(coding))
}
