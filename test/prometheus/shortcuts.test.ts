// Docker Flow's shortcuts as `promtool test rules` evaluates them: two clusters with the same service, of which one has
// what the alert is about, in a Prometheus that has the metrics of both, and the rules as `app-metrics-proxy rules`
// writes them.

import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { Config } from '../../src/config/config.ts'
import { createLog } from '../../src/logging/log.ts'
import { addMatcher } from '../../src/promql/expression.ts'
import type { Rule } from '../../src/promql/rule.ts'
import { printRules, readRules } from '../../src/promql/rule-file.ts'
import { createRules } from '../../src/rules/rules.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { service, storeOf, swarmState } from '../helpers/cluster.ts'
import { releases } from './parts/releases.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shortcuts-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function rulesOf(cluster: string, alertIf: string, replicasFrom: Config['replicasFrom']) {
  const labels = { 'com.df.notify': 'true', 'com.df.alertName': 'a', 'com.df.alertIf': alertIf }
  const store = storeOf({ swarmState: swarmState([service('web', { labels, replicas: 3 })]) })
  const deps = { store, log: createLog('silent'), metrics: createMetrics(), pending: () => [] }
  const rules = createRules({ ...deps, config: { cluster, replicasFrom } })
  return readRules((await rules.answer({})).body.toString()).rules
}
const limited = async (cluster: string, ...how: [string, Config['replicasFrom']]) =>
  (await rulesOf(cluster, ...how)).map((rule) => ({
    ...rule,
    expr: addMatcher(rule.expr, 'cluster', cluster),
  }))

/** Series of one cluster, of which `@` stands for its label. */
type Series = Readonly<Record<string, string>>
const inCluster = (series: Series, cluster: string) =>
  Object.entries(series).map(([name, values]) => ({ series: name.replaceAll('@', cluster), values }))

interface Case {
  readonly alertIf: string
  readonly replicasFrom?: Config['replicasFrom']
  readonly fine: Series
  readonly failing: Series
}

const swarm = (running: number, tasks: number): Series => ({
  'app_metrics_proxy_swarm_service_replicas_desired{@service="web", instance="swarm"}': '3x10',
  'app_metrics_proxy_swarm_service_replicas_running{@service="web", instance="swarm"}': `${running}x10`,
  ...(tasks && {
    'app_metrics_proxy_swarm_task_state{@service="web", instance="swarm", state="running"}': `${tasks}x10`,
  }),
  'app_metrics_proxy_swarm_task_state{@service="web", instance="swarm", state="starting"}': '5x10',
})
const cadvisor = (count: number, used = 10): Series =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => {
      const labels = `{@container_label_com_docker_swarm_service_name="web", id="${at}"}`
      return [
        [`container_memory_usage_bytes${labels}`, `${used}x10`],
        [`container_memory_cache${labels}`, '5x10'],
        [`container_spec_memory_limit_bytes${labels}`, '100x10'],
      ]
    }).flat(),
  )
const nodes = (free: number): Series => ({
  'node_memory_MemTotal_bytes{@job="web", instance="a"}': '100x10',
  'node_memory_MemFree_bytes{@job="web", instance="a"}': `${free}x10`,
  'node_memory_Buffers_bytes{@job="web", instance="a"}': '0x10',
  'node_memory_Cached_bytes{@job="web", instance="a"}': '0x10',
})
const responses = (fast: number): Series => ({
  'http_server_resp_time_bucket{@job="web", le="0.1", code="500"}': `0+${fast}x10`,
  'http_server_resp_time_count{@job="web", code="500"}': `0+${10 - fast}x10`,
  'http_server_resp_time_count{@job="web", code="200"}': `0+${fast}x10`,
})

const cases: readonly Case[] = [
  { alertIf: '@replicas_running', fine: swarm(3, 3), failing: swarm(2, 2) },
  { alertIf: '@replicas_less_than', fine: swarm(3, 3), failing: swarm(0, 0) },
  { alertIf: '@replicas_more_than', fine: swarm(3, 3), failing: swarm(3, 4) },
  ...(['@replicas_running', '@replicas_less_than'] as const).map((alertIf) => ({
    ...{ alertIf, replicasFrom: 'cadvisor' as const, fine: cadvisor(3), failing: cadvisor(2) },
  })),
  {
    alertIf: '@resp_time_above:0.1,5m,0.9_and_@replicas_less_than',
    fine: { ...swarm(3, 3), ...responses(5) },
    failing: { ...swarm(2, 2), ...responses(5) },
  },
  { alertIf: '@replicas_more_than', replicasFrom: 'cadvisor', fine: cadvisor(3), failing: cadvisor(4) },
  { alertIf: '@service_mem_limit:0.8', fine: cadvisor(2), failing: cadvisor(1, 90) },
  { alertIf: '@service_mem_limit_nobuff:0.8', fine: cadvisor(2), failing: cadvisor(1, 90) },
  { alertIf: '@node_mem_limit:0.8', fine: nodes(50), failing: nodes(10) },
  { alertIf: '@node_mem_limit_total_above:0.8', fine: nodes(50), failing: nodes(10) },
  { alertIf: '@resp_time_above:0.1,5m,0.9', fine: responses(10), failing: responses(5) },
  { alertIf: '@resp_time_server_error:5m,0.1', fine: responses(10), failing: responses(5) },
]

interface Evaluation {
  readonly promtool: string
  readonly rules: Readonly<Record<string, readonly Rule[]>>
  readonly series: readonly { readonly series: string; readonly values: string }[]
}

/** The clusters of the alerts that fire. */
async function firingIn({ promtool, rules, series }: Evaluation): Promise<readonly string[]> {
  for (const [cluster, all] of Object.entries(rules))
    await writeFile(join(folder, `${cluster}.yml`), printRules(all))
  // promtool prints the alerts it found where none is expected
  const content = {
    rule_files: Object.keys(rules).map((cluster) => `${cluster}.yml`),
    tests: [
      { interval: '1m', input_series: series, alert_rule_test: [{ alertname: 'web_a', eval_time: '8m' }] },
    ],
  }
  await writeFile(join(folder, 'test.yaml'), stringify(content))
  const { stdout, stderr } = await promisify(execFile)(promtool, ['test', 'rules', 'test.yaml'], {
    cwd: folder,
  }).catch((error) => error as { stdout: string; stderr: string })
  const found = `${stdout}${stderr}`.split('got:')[1] ?? ''
  return [...found.matchAll(/cluster="(\w+)"/g)].map(([, cluster]) => cluster!)
}

describe.each(releases)('Prometheus $version', ({ promtool }) => {
  test.each(cases)('$alertIf ($replicasFrom) in one cluster of two', async (one) => {
    const { alertIf, replicasFrom = 'swarm', fine, failing } = one
    const rules = {
      dev: await limited('dev', alertIf, replicasFrom),
      prod: await limited('prod', alertIf, replicasFrom),
    }
    const of = (series: Series, cluster: string) => inCluster(series, `cluster="${cluster}", `)
    const series = [...of(fine, 'dev'), ...of(failing, 'prod')]
    expect(await firingIn({ promtool, rules, series })).toEqual(['prod'])
    const well = [...of(fine, 'dev'), ...of(fine, 'prod')]
    expect(await firingIn({ promtool, rules, series: well })).toEqual([])
  })

  test.each(cases)('$alertIf ($replicasFrom) without the label cluster', async (one) => {
    const { alertIf, replicasFrom = 'swarm', fine, failing } = one
    const rules = { prod: await rulesOf('prod', alertIf, replicasFrom) }
    expect(await firingIn({ promtool, rules, series: inCluster(failing, '') })).toEqual(['prod'])
    expect(await firingIn({ promtool, rules, series: inCluster(fine, '') })).toEqual([])
  })
})
