// Counts the requests that were answered, by route and status.

import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../telemetry.ts'

export function countRequests(server: FastifyInstance, metrics: Metrics): void {
  const counts = new Map<string, Map<number, { requests: number; milliseconds: number }>>()

  server.addHook('onResponse', (request, reply, done) => {
    const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none')
    const byStatus = counts.get(route) ?? new Map<number, { requests: number; milliseconds: number }>()
    counts.set(route, byStatus)
    const count = byStatus.get(reply.statusCode) ?? { requests: 0, milliseconds: 0 }
    byStatus.set(reply.statusCode, count)
    count.requests += 1
    count.milliseconds += reply.elapsedTime
    done()
  })

  function* each(value: (count: { requests: number; milliseconds: number }) => number) {
    for (const [route, byStatus] of counts)
      for (const [status, count] of byStatus) yield [{ route, status: `${status}` }, value(count)] as const
  }
  metrics.observe('app_metrics_proxy_http_requests_total', 'counter', 'Requests answered.', () =>
    each(({ requests }) => requests),
  )
  metrics.observe(
    'app_metrics_proxy_http_request_seconds_total',
    'counter',
    'Time taken to answer requests.',
    () => each(({ milliseconds }) => milliseconds / 1000),
  )
}
