// What is told of the rounds: to people, each thing once as long as it stays the same; to Prometheus, always.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { visible } from '../../logging/terminal.ts'
import { createMetrics } from '../../runtime/metrics.ts'
import type { RoundResult } from './round.ts'

export interface Observer {
  note(result: RoundResult): void
  print(): string
  /** Why the last round wasn't well, or why there was none for too long. */
  trouble(): string | undefined
}

interface Lines {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
}

export function createObserver({ stdout, stderr }: Lines): Observer {
  const metrics = createMetrics()
  const success = metrics.gauge(
    'app_metrics_proxy_rules_pull_success',
    'Whether the last pull of a cluster’s rules went well.',
  )
  const last = metrics.gauge(
    'app_metrics_proxy_rules_pull_last_success_timestamp_seconds',
    'When a cluster’s rules were last pulled.',
  )
  const count = metrics.gauge('app_metrics_proxy_rules_written', 'Rules in a cluster’s file.')
  const refused = metrics.gauge(
    'app_metrics_proxy_rules_refused',
    'Rules of a cluster that were left out of its file since Prometheus would refuse them.',
  )
  const reloads = metrics.counter(
    'app_metrics_proxy_rules_reloads_total',
    'How often Prometheus was told to reload, by outcome.',
  )
  const reloaded = metrics.gauge(
    'app_metrics_proxy_rules_reload_success',
    'Whether Prometheus took the last change.',
  )
  for (const outcome of ['ok', 'failed']) reloads.add(0, { outcome })
  let said = new Set<string>()
  let trouble: string | undefined = 'no round is done yet'

  return {
    note({ outcomes, remarks, reload }) {
      const complaints: string[] = [...remarks]
      for (const outcome of outcomes) {
        const { cluster } = outcome
        success.set(outcome.ok ? 1 : 0, { cluster })
        if (outcome.ok) {
          last.set(Date.now() / 1000, { cluster })
          count.set(outcome.rules, { cluster })
          refused.set(outcome.refused.length, { cluster })
          if (outcome.changed) stdout(`${cluster}: ${outcome.rules} rules written\n`)
          const all = [...outcome.remarks, ...firstOf(outcome.refused)]
          complaints.push(...all.map((remark) => `${cluster}: ${remark}`))
        } else complaints.push(`${cluster}: ${outcome.reason}`)
      }
      if (reload) {
        reloaded.set(reload.ok ? 1 : 0)
        reloads.add(1, { outcome: reload.ok ? 'ok' : 'failed' })
        if (reload.ok) stdout('Prometheus has read the new rules\n')
        else complaints.push(`Prometheus: ${reload.reason}`)
      }
      for (const complaint of complaints) if (!said.has(complaint)) stderr(`${visible(complaint)}\n`)
      said = new Set(complaints)
      const failed =
        outcomes.some((outcome) => !outcome.ok || outcome.refused.length > 0) || reload?.ok === false
      trouble = failed ? complaints.join('; ') : undefined
    },
    print: metrics.print,
    trouble: () => trouble,
  }
}

const maxRefusedLines = 20

function firstOf(refused: readonly string[]): readonly string[] {
  const first = refused.slice(0, maxRefusedLines).map((reason) => `left out: ${reason}`)
  const more = refused.length - first.length
  return more > 0 ? [...first, `left out: ${more} more`] : first
}

/** `/metrics`, `/-/healthy` while rounds are made, `/-/ready` while they go well. */
export async function listen(port: number, observer: Observer, isAlive: () => boolean): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string) =>
      response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text)
    const trouble = observer.trouble()
    if (request.url === '/metrics') answer(200, observer.print())
    else if (request.url === '/-/healthy')
      answer(isAlive() ? 200 : 503, isAlive() ? 'healthy\n' : 'no rounds are made\n')
    else if (request.url === '/-/ready') answer(trouble ? 503 : 200, trouble ? `${trouble}\n` : 'ready\n')
    else answer(404, 'there are /metrics, /-/healthy and /-/ready\n')
  })
  server.listen(port)
  await once(server, 'listening')
  return server
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
