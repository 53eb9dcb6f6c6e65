// Plugs in what answers with a value of its own: service discovery, rules.

import type { FastifyInstance } from 'fastify'
import type { Answer } from '../http/answer.ts'
import type { Asked } from '../http/document.ts'

type Query = Readonly<Record<string, string | string[] | undefined>>

export function serveDocument(
  server: FastifyInstance,
  path: string,
  answer: (asked: Asked & { readonly query: Query }) => Promise<Answer>,
): void {
  server.get<{ Querystring: Query }>(path, async (request, reply) => {
    const { 'if-none-match': ifNoneMatch, 'accept-encoding': encoding } = request.headers
    const acceptEncoding = encoding?.toString()
    const { status, headers, body } = await answer({ ifNoneMatch, acceptEncoding, query: request.query })
    return reply.code(status).headers(headers).send(body)
  })
}
