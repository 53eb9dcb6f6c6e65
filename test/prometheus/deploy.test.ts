import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { rules } from '../../src/cli/rules.ts'
import { freePort } from '../helpers/ports.ts'
import { until } from '../helpers/until.ts'
import { startAgents, startApplication } from './parts/agents.ts'
import { startPrometheus } from './parts/prometheus.ts'
import { started } from './parts/started.ts'

const folder = join(import.meta.dirname, '../../deploy/prometheus')
describe('what an operator copies', () => {
  test.each([
    ['promtool', 'check', 'config', '--lint=all', 'prometheus.yml'],
    ['promtool', 'check', 'config', '--lint=all', 'static.yml'],
    ['promtool', 'check', 'rules', '--lint=all', '--lint-fatal', 'rules/app-metrics-proxy.yml'],
    ['promtool', 'test', 'rules', 'rules/app-metrics-proxy.test.yaml'],
    ['promtool', 'check', 'rules', '--lint=all', '--lint-fatal', 'rules/swarm.yml'],
    ['promtool', 'test', 'rules', 'rules/swarm.test.yaml'],
    ['promtool', 'check', 'rules', '--lint=all', '--lint-fatal', 'rules/containers.yml'],
    ['promtool', 'test', 'rules', 'rules/containers.test.yaml'],
    ['amtool', 'check-config', 'alertmanager.yml'],
  ])('%s %s %s %s %s', async (command, ...args) => {
    await promisify(execFile)(command, args, { cwd: folder })
  })

  test.each(['app-metrics-proxy', 'swarm', 'containers'])(
    'each alert of %s is tested, when it fires and when it doesn’t',
    (name) => {
      const alerts = [...read(`rules/${name}.yml`).matchAll(/alert: (\w+)/g)].map(([, alert]) => alert)
      const tested = read(`rules/${name}.test.yaml`)
      expect(alerts.length).toBeGreaterThan(2)
      for (const alert of alerts)
        expect(tested.split(`alertname: ${alert}`).length - 1).toBeGreaterThanOrEqual(2)
    },
  )
})

const read = (file: string) => readFileSync(join(folder, file), 'utf8')

test('the static form holds each replica once, with job and environment', async () => {
  const traefik = started(await startApplication())
  const other = started(await startApplication())
  const agents = await startAgents('prod', [[`traefik=${traefik.url}`], [`other=${other.url}`]])
  agents.forEach(started)
  const [first, second] = agents.map(({ address }) => address)
  const config = read('static.yml')
    .replaceAll(/targets: \["prod1.*\]/g, `targets: ["${first}", "${second}"]`)
    .replaceAll(/targets: \["dev.*\]/g, `targets: ["${second}"]`)
    .replace('scrape_interval: 15s', 'scrape_interval: 1s\n  scrape_timeout: 1s')
  const prometheus = started(await startPrometheus(config))
  await until(
    'all three to be up',
    async () => (await prometheus.query('up{job="traefik"} == 1')).length === 3,
  )
  const found = await prometheus.query('answered')
  expect(found.map(({ labels }) => [labels.job, labels.env, labels.instance]).toSorted()).toEqual([
    ['traefik', 'dev', second],
    ['traefik', 'prod', first],
  ])
})

test('every query of the dashboard gives data', async () => {
  const [failing, well] = [started(await startApplication()), started(await startApplication())]
  const agents = await startAgents('prod', [
    [`failing=${failing.url}`, `well=${well.url}`],
    [`second=${well.url}`],
  ])
  agents.forEach(started)
  const port = await freePort()
  const config = read('prometheus.yml')
    .replace('http://prod.example.org:2137/sd', `${agents[0]!.url}/sd`)
    .replace('rules:2138', `127.0.0.1:${port}`)
    .replaceAll('15s', '1s')
    .replaceAll('refresh_interval: 30s', 'refresh_interval: 1s')
    .replace('evaluation_interval', 'scrape_timeout: 1s\n  evaluation_interval')
  const prometheus = started(await startPrometheus(config))
  const stopping = new AbortController()
  const collecting = rules(
    [
      '--from',
      `prod=${agents[0]!.url}`,
      '--to',
      join(prometheus.folder, 'from-labels'),
      '--every',
      '1',
      '--listen',
      `${port}`,
    ],
    { stdout: () => {}, stderr: () => {}, env: {}, signal: stopping.signal, isTerminal: false },
  )
  started({
    async stop() {
      stopping.abort()
      await collecting
    },
  })
  await until('all to be up', async () => (await prometheus.query('up{cluster="prod"} == 1')).length === 5)
  failing.well = false

  const queries = queriesOf(JSON.parse(read('grafana/dashboards/app-metrics-proxy.json')))
  expect(queries.length).toBeGreaterThan(20)
  for (const query of queries) {
    const expression = query
      .replaceAll('$cluster', '.*')
      .replaceAll('$node', '.*')
      .replaceAll('$__rate_interval', '20s')
    await until(query, async () => {
      const samples = await prometheus.query(expression)
      return samples.length > 0 && samples.some(({ value }) => !Number.isNaN(value))
    })
  }
  expect(await prometheus.query('app_metrics_proxy_rules_pull_success == 1')).toHaveLength(1)
  const alerts = [...read('rules/app-metrics-proxy.yml').matchAll(/expr: (.*)/g)].map(([, expr]) => expr!)
  const metrics = new Set(alerts.join(' ').match(/(app_metrics_proxy|prometheus_sd)\w+/g))
  metrics.delete('app_metrics_proxy_rules_reload_success') // nothing was to be reloaded
  for (const metric of ['rules_problems', 'problems']) metrics.delete(`app_metrics_proxy_${metric}`) // nothing was wrong
  metrics.delete('prometheus_sd_http_failures_total') // this Prometheus doesn’t watch itself
  for (const metric of metrics)
    expect([metric, (await prometheus.query(metric)).length > 0]).toEqual([metric, true])
})

function queriesOf({ panels }: { panels: { targets: { expr: string }[] }[] }): readonly string[] {
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
}
