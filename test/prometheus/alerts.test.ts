import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rules } from '../../src/cli/rules.ts'
import { catalogue, entry, type Known, service, task } from '../helpers/cluster.ts'
import { until } from '../helpers/until.ts'
import { nodesAt, type Responder, startResponder } from './parts/cluster.ts'
import { startAlertmanager, startPrometheus } from './parts/prometheus.ts'
import { started } from './parts/started.ts'
import { startWebhook } from './parts/webhook.ts'

const alerting = {
  'com.df.notify': 'true',
  'com.df.alertName': 'all-down',
  'com.df.alertIf': 'sum(up{job="shop_web"}) == 0',
  'com.df.alertLabels': 'severity=high',
  'com.df.alertAnnotations': 'summary=Too few, {{ $value }} are left',
}

/** The same service in each cluster. */
function shop({ address }: Responder): Known {
  return {
    nodes: nodesAt(address),
    entries: [entry(task('shop_web', '1'))],
    catalogue: catalogue([service('shop_web', { labels: alerting })]),
  }
}

test('an alert from a label fires for its own cluster, resolves, and goes with its service', async () => {
  let well = true
  const dev = started(await startResponder('dev', () => (well ? 'x 1\n' : undefined)))
  const prod = started(await startResponder('prod'))
  for (const cluster of [dev, prod]) cluster.learn(shop(cluster))

  const webhook = started(await startWebhook())
  const alertmanager = started(await startAlertmanager(webhook.url))
  const prometheus = started(
    await startPrometheus(`
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: ['rules/*.yml']
alerting: { alertmanagers: [{ static_configs: [{ targets: ['${new URL(alertmanager.url).host}'] }] }] }
scrape_configs:
  - job_name: dev
    http_sd_configs: [{ url: '${dev.url}/sd', refresh_interval: 1s }]
  - job_name: prod
    http_sd_configs: [{ url: '${prod.url}/sd', refresh_interval: 1s }]
`),
  )
  const stopping = new AbortController()
  let complaints = ''
  const args = [
    '--from',
    `dev=${dev.url}`,
    '--from',
    `prod=${prod.url}`,
    '--to',
    join(prometheus.folder, 'rules'),
  ]
  const collecting = rules([...args, '--reload', `${prometheus.url}/-/reload`, '--every', '1'], {
    stdout: () => {},
    stderr: (text) => {
      complaints += text
    },
    env: {},
    signal: stopping.signal,
    isTerminal: false,
  })
  started({
    async stop() {
      stopping.abort()
      await collecting
    },
  })

  await until('the rules of both', async () => (await prometheus.rules()).length === 2)
  await until('both to be up', async () => (await prometheus.query('up{job="shop_web"} == 1')).length === 2)
  well = false
  const fired = await until('the alert', () => webhook.notices.find(({ status }) => status === 'firing'))
  expect(fired.labels).toMatchObject({
    alertname: 'shop_web_alldown',
    cluster: 'dev',
    service: 'shop_web',
    severity: 'high',
  })
  expect(fired.annotations).toEqual({ summary: 'Too few, 0 are left' })
  well = true
  await until('its end', () => webhook.notices.find(({ status }) => status === 'resolved'))
  expect(webhook.notices.filter(({ labels }) => labels.cluster !== 'dev')).toEqual([])

  dev.learn({ nodes: nodesAt(dev.address), catalogue: catalogue([]) })
  await until('its rules to go', async () => (await prometheus.rules()).length === 1)
  await until('its targets to go', async () => {
    const { active } = await prometheus.targets()
    return active.every(({ labels }) => labels.cluster === 'prod' || labels.job === 'app-metrics-proxy')
  })
  expect(complaints).toBe('')
})
