// The results of the rounds: printed when they change, and served as metrics and health checks.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { visible } from '../../logging/terminal.ts'
import { createMetrics } from '../../runtime/metrics.ts'
import type { Io } from '../command.ts'
import type { PullResult } from './pull.ts'

export interface RulesReport {
  add(result: PullResult): void
  printMetrics(): string
  /** Why the last round failed or omitted rules. */
  problem(): string | undefined
}

export function createReport({ stdout, stderr }: Pick<Io, 'stdout' | 'stderr'>): RulesReport {
  const metrics = createMetrics()
  const success = metrics.gauge(
    'app_metrics_proxy_rules_pull_success',
    'Whether the last pull of a cluster’s rules succeeded.',
  )
  const lastSuccess = metrics.gauge(
    'app_metrics_proxy_rules_pull_last_success_timestamp_seconds',
    'The time of the last successful pull of a cluster’s rules.',
  )
  const written = metrics.gauge('app_metrics_proxy_rules_written', 'Rules in a cluster’s file.')
  const refused = metrics.gauge(
    'app_metrics_proxy_rules_refused',
    'Rules of a cluster that were omitted from its file because Prometheus would refuse them.',
  )
  const reloads = metrics.counter(
    'app_metrics_proxy_rules_reloads_total',
    'Reloads of Prometheus, by outcome.',
  )
  const reloadSuccess = metrics.gauge(
    'app_metrics_proxy_rules_reload_success',
    'Whether the last reload of Prometheus succeeded.',
  )
  for (const outcome of ['ok', 'failed']) reloads.add(0, { outcome })
  let printed = new Set<string>()
  let problem: string | undefined = 'the first pull has not finished'

  return {
    add({ clusters, warnings, reload }) {
      const lines: string[] = [...warnings]
      for (const result of clusters) {
        const { cluster } = result
        success.set(result.ok ? 1 : 0, { cluster })
        if (result.ok) {
          lastSuccess.set(Date.now() / 1000, { cluster })
          written.set(result.rules, { cluster })
          refused.set(result.refused.length, { cluster })
          if (result.isChanged) stdout(`${cluster}: rules written: ${result.rules}\n`)
          lines.push(
            ...[...result.warnings, ...refusedLines(result.refused)].map((line) => `${cluster}: ${line}`),
          )
        } else lines.push(`${cluster}: ${result.reason}`)
      }
      if (reload) {
        reloadSuccess.set(reload.ok ? 1 : 0)
        reloads.add(1, { outcome: reload.ok ? 'ok' : 'failed' })
        if (reload.ok) stdout('Prometheus has reloaded the rules\n')
        else lines.push(`Prometheus: ${reload.reason}`)
      }
      for (const line of lines) if (!printed.has(line)) stderr(`${visible(line)}\n`)
      printed = new Set(lines)
      const hasFailed =
        clusters.some((result) => !result.ok || result.refused.length > 0) || reload?.ok === false
      problem = hasFailed ? lines.join('; ') : undefined
    },
    printMetrics: metrics.print,
    problem: () => problem,
  }
}

const maxRefusedLines = 20

function refusedLines(refused: readonly string[]): readonly string[] {
  const first = refused.slice(0, maxRefusedLines).map((reason) => `omitted: ${reason}`)
  const more = refused.length - first.length
  return more > 0 ? [...first, `omitted: ${more} more`] : first
}

/** `/metrics`, `/-/healthy` while rounds finish, `/-/ready` while they succeed. */
export async function listen(port: number, report: RulesReport, isAlive: () => boolean): Promise<Server> {
  const server = createServer((request, response) => {
    const send = (status: number, text: string) =>
      response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text)
    const problem = report.problem()
    if (request.url === '/metrics') send(200, report.printMetrics())
    else if (request.url === '/-/healthy')
      send(isAlive() ? 200 : 503, isAlive() ? 'healthy\n' : 'the last pull hangs\n')
    else if (request.url === '/-/ready') send(problem ? 503 : 200, problem ? `${problem}\n` : 'ready\n')
    else send(404, 'not found: try /metrics, /-/healthy or /-/ready\n')
  })
  server.listen(port)
  await once(server, 'listening')
  return server
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
