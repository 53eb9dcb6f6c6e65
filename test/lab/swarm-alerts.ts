// Today's Prometheus outside a Swarm, with the alerts of deploy/prometheus on services, nodes and containers. Only what
// takes minutes is shortened in them.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '../helpers/until.ts'
import { type Prometheus, startPrometheus } from '../prometheus/parts/prometheus.ts'
import { releases } from '../prometheus/parts/releases.ts'
import type { Node } from './harness/node.ts'

type Labels = Readonly<Record<string, string>>

export interface SwarmAlerts {
  readonly prometheus: Prometheus
  /** Until an alert fires about this; all its labels. */
  fires(alertname: string, labels: Labels): Promise<Labels>
  /** Until none fires, and not just for want of a scrape. */
  resolves(alertname: string, labels: Labels): Promise<unknown>
  stop(): Promise<void>
}

const rules = join(import.meta.dirname, '../../deploy/prometheus/rules')
const config = `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: ['*.rules.yml']
scrape_configs:
  - job_name: prod
    http_sd_configs: [{ url: 'http://prod.test:2137/sd', refresh_interval: 1s }]
`
const long = { within: 120_000, every: 500 }

/** The agents advertise `prod.test:2137`. */
export async function startAlerts(nodes: readonly Node[]): Promise<SwarmAlerts> {
  const prometheus = await startPrometheus(config, {
    release: releases.at(-1)!,
    hosts: { 'prod.test': nodes.map(({ address }) => address) },
  })
  for (const name of ['swarm', 'containers']) {
    const text = await readFile(join(rules, `${name}.yml`), 'utf8')
    // how long something must last, and how far back the rules look
    const hurried = text.replaceAll(/for: \d+[mh]/g, 'for: 2s').replaceAll('15m', '40s')
    await writeFile(join(prometheus.folder, `${name}.rules.yml`), hurried)
  }
  await fetch(`${prometheus.url}/-/reload`, { method: 'POST' })

  async function firing(alertname: string, labels: Labels): Promise<readonly Labels[]> {
    const wanted = Object.entries({ alertname, ...labels })
    return (await prometheus.alerts())
      .filter(
        ({ state, labels: found }) =>
          state === 'firing' && wanted.every(([name, value]) => found[name] === value),
      )
      .map((alert) => alert.labels)
  }
  return {
    prometheus,
    fires: (alertname, labels) =>
      until(`${alertname} to fire`, async () => (await firing(alertname, labels))[0], long),
    resolves: (alertname, labels) =>
      until(
        `${alertname} to resolve`,
        async () => {
          const down = await prometheus.query('up{job="app-metrics-proxy"} == 0')
          return down.length === 0 && (await firing(alertname, labels)).length === 0
        },
        long,
      ),
    stop: prometheus.stop,
  }
}
