import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { settingsOf } from '../../../src/labels/settings.ts'
import { planOf } from '../../../src/probe/plan.ts'
import { target } from '../../helpers/cluster.ts'
import { freePort } from '../../helpers/ports.ts'
import { until } from '../../helpers/until.ts'
import { startAgents } from '../parts/agents.ts'
import { expectData, hurried, read, startScript } from '../parts/example.ts'
import { startPrometheus } from '../parts/prometheus.ts'
import { started } from '../parts/started.ts'
import { startStatsd } from '../parts/statsd.ts'

/** Where an agent probes the exporter first, by the label in the compose file. */
function configuredUrl(host: string): URL {
  const { labels } = parse(read('statsd/compose.yml')).services.statsd
  const exporter = target('statsd', { labels, addresses: [{ network: 'shop_default', host }] })
  const plan = planOf(exporter, settingsOf(labels), { metricsPath: '/metrics', ports: [] })
  if (plan.kind === 'none') throw new Error(plan.failure.reason)
  expect(plan.isExplicit).toBe(true)
  const { url, source } = plan.candidates[0]!
  expect(source).toBe('app-metrics-proxy.port, container label')
  return new URL(url)
}

test('datagrams become rate, errors and duration', async () => {
  // an address of its own, since the port is what it is about
  const host = `127.${randomInt(1, 255)}.${randomInt(255)}.${randomInt(1, 255)}`
  const page = configuredUrl(host)
  expect(page.port).toBe('9102')
  const { buckets } = parse(read('statsd/mapping.yml')).defaults.histogram_options
  const statsd = started(await startStatsd(host, 9102, buckets))
  const web = await freePort()
  started(startScript('statsd/app/web.mjs', { WEB_PORT: web, STATSD_HOST: host, STATSD_PORT: statsd.port }))
  started(startScript('statsd/app/load.mjs', { WEB_URL: `http://127.0.0.1:${web}` }))
  const [agent] = await startAgents('shop', [[`shop_statsd=${page}`]])
  started(agent!)
  const prometheus = started(
    await startPrometheus(hurried(read('statsd/prometheus.yml'), { 'agent:2137': agent!.address })),
  )
  await writeFile(join(prometheus.folder, 'rules.yml'), read('statsd/rules.yml').replaceAll('[1m]', '[20s]'))
  await fetch(`${prometheus.url}/-/reload`, { method: 'POST' })

  await expectData(prometheus, 'statsd/dashboard.json')
  const routes = await prometheus.query('sum by (route) (web_requests_total)')
  expect(routes.map(({ labels }) => labels.route).toSorted()).toEqual(['/', '/pay', '/search'])
  const median = async (route: string) => {
    const buckets = `sum by (le) (rate(web_request_seconds_bucket{route="${route}"}[20s]))`
    return (await prometheus.query(`histogram_quantile(0.5, ${buckets})`))[0]!.value
  }
  expect(await median('/search')).toBeGreaterThan(0.05)
  const alert = await until('the alert', async () => (await prometheus.alerts())[0])
  expect(alert).toMatchObject({ state: 'firing', labels: { alertname: 'ShopErrors' } })
})
