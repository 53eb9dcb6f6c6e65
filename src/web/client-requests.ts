// Reports each answered request for metrics, targets or rules, so that the status page can show who scrapes this agent.

import type { FastifyInstance } from 'fastify'
import type { ClientRequest } from '../http/answer.ts'
import { withoutIPv4Prefix } from '../http/ports.ts'

/** By route. The status page and the health checks are no scrapes. */
const subjects: ReadonlyMap<string, ClientRequest['subject']> = new Map([
  ['/metrics', 'metrics'],
  ['/-/swarm', 'metrics'],
  ['/:name/metrics', 'metrics'],
  ['/:name/:replica/metrics', 'metrics'],
  ['/sd', 'targets'],
  ['/rules', 'rules'],
] as const)

/** Counts for the routes that are added after it. */
export function reportRequests(server: FastifyInstance, report: (request: ClientRequest) => void): void {
  server.addHook('onResponse', async (request, reply) => {
    const subject = subjects.get(request.routeOptions.url ?? '')
    if (!subject) return
    report({
      subject,
      address: withoutIPv4Prefix(request.ip),
      userAgent: request.headers['user-agent'] ?? '',
      path: request.url,
      contentType: reply.statusCode < 300 ? String(reply.getHeader('content-type') ?? '') : undefined,
    })
  })
}
