// Counts the requests that were answered, by route and status.

import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../runtime/metrics.ts'

interface Count {
  requests: number
  milliseconds: number
}

export interface RequestCounts {
  add(route: string, status: number, milliseconds: number): void
}

export function createRequestCounts(metrics: Metrics): RequestCounts {
  const counts = new Map<string, Map<number, Count>>()

  function* each(value: (count: Count) => number) {
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
  return {
    add(route, status, milliseconds) {
      const byStatus = counts.get(route) ?? new Map<number, Count>()
      counts.set(route, byStatus)
      const count = byStatus.get(status) ?? { requests: 0, milliseconds: 0 }
      byStatus.set(status, count)
      count.requests += 1
      count.milliseconds += milliseconds
    },
  }
}

export function countRequests(server: FastifyInstance, counts: RequestCounts): void {
  server.addHook('onResponse', (request, reply, done) => {
    const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none')
    counts.add(route, reply.statusCode, reply.elapsedTime)
    done()
  })
}
