import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rules } from '../../src/cli/rules.ts'
import { entry, type Known, service, swarmState, task } from '../helpers/cluster.ts'
import { until } from '../helpers/until.ts'
import { nodesAt, type Responder, startResponder } from './parts/cluster.ts'
import { startAlertmanager, startPrometheus } from './parts/prometheus.ts'
import { type Release, releases } from './parts/releases.ts'
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
    swarmState: swarmState([service('shop_web', { labels: alerting })]),
  }
}

/** Prometheus and Alertmanager of a release, with the command that brings them the rules of both clusters. */
async function startMonitoring(release: Release, dev: Responder, prod: Responder) {
  const webhook = started(await startWebhook())
  const alertmanager = started(await startAlertmanager(webhook.url, { release }))
  const config = `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: ['rules/*.yml']
alerting: { alertmanagers: [{ static_configs: [{ targets: ['${new URL(alertmanager.url).host}'] }] }] }
scrape_configs:
  - job_name: dev
    http_sd_configs: [{ url: '${dev.url}/sd', refresh_interval: 1s }]
  - job_name: prod
    http_sd_configs: [{ url: '${prod.url}/sd', refresh_interval: 1s }]
`
  const prometheus = started(await startPrometheus(config, { release }))
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
  return { version: release.version, prometheus, notices: webhook.notices, complaints: () => complaints }
}

test('an alert from a label fires for its own cluster, resolves, and goes with its service', async () => {
  let well = true
  const dev = started(await startResponder('dev', () => (well ? 'x 1\n' : undefined)))
  const prod = started(await startResponder('prod'))
  for (const cluster of [dev, prod]) cluster.learn(shop(cluster))
  const all = await Promise.all(releases.map((release) => startMonitoring(release, dev, prod)))

  for (const { version, prometheus } of all) {
    await until(`the rules of both in ${version}`, async () => (await prometheus.rules()).length === 2)
    const up = () => prometheus.query('up{job="shop_web"} == 1')
    await until(`both to be up in ${version}`, async () => (await up()).length === 2)
  }
  well = false
  for (const { version, notices } of all) {
    const firing = () => notices.find(({ status }) => status === 'firing')
    const fired = await until(`the alert of ${version}`, firing)
    expect(fired.labels).toMatchObject({
      alertname: 'shop_web_alldown',
      cluster: 'dev',
      service: 'shop_web',
      severity: 'high',
    })
    expect(fired.annotations).toEqual({ summary: 'Too few, 0 are left' })
  }
  well = true
  for (const { version, notices } of all) {
    await until(`its end in ${version}`, () => notices.find(({ status }) => status === 'resolved'))
    expect(notices.filter(({ labels }) => labels.cluster !== 'dev')).toEqual([])
  }

  dev.learn({ nodes: nodesAt(dev.address), swarmState: swarmState([]) })
  for (const { version, prometheus, complaints } of all) {
    await until(`its rules to go from ${version}`, async () => (await prometheus.rules()).length === 1)
    await until(`its targets to go from ${version}`, async () => {
      const { active } = await prometheus.targets()
      return active.every(({ labels }) => labels.cluster === 'prod' || labels.job === 'app-metrics-proxy')
    })
    expect(complaints()).toBe('')
  }
})
