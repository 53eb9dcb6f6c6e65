// What browsers get: files by the ends of their names, with headers that restrict what they may do.

import { extname } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Document, documentOf } from '../http/answer.ts'

const contentTypes: ReadonlyMap<string, string> = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.svg', 'image/svg+xml'],
  ['.png', 'image/png'],
  // pages of the documentation, which are rendered
  ['.md', 'text/html; charset=utf-8'],
])

export const hasContentType = (name: string) => contentTypes.has(extname(name))

/** To be called for names that have a content type. */
export function fileOf(name: string, body: Buffer): Document {
  return documentOf(body, contentTypes.get(extname(name))!)
}

export async function send(
  { headers: { 'if-none-match': ifNoneMatch, 'accept-encoding': acceptEncoding } }: FastifyRequest,
  reply: FastifyReply,
  document: Document,
): Promise<FastifyReply> {
  const { status, headers, body } = await document({ ifNoneMatch, acceptEncoding })
  const vary = 'accept, accept-encoding'
  return addSecurityHeaders(reply)
    .code(status)
    .headers({ ...headers, vary })
    .send(body)
}

/**
 * Only the page's own files, no inline code or style, and no way to turn text into markup: what containers write
 * reaches the page as text alone.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

function addSecurityHeaders(reply: FastifyReply): FastifyReply {
  // without TLS browsers ignore this header and log an error
  if (reply.request.protocol === 'https') reply.header('cross-origin-opener-policy', 'same-origin')
  return reply
    .header('content-security-policy', contentSecurityPolicy)
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'no-referrer')
    .header('cross-origin-resource-policy', 'same-origin')
}
