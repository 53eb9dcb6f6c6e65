import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { settingsOf } from '../../../src/labels/settings.ts'
import { service, swarmState } from '../../helpers/cluster.ts'
import { freePort } from '../../helpers/ports.ts'
import { until } from '../../helpers/until.ts'
import { startAgents } from '../parts/agents.ts'
import { nodesAt, startResponder } from '../parts/cluster.ts'
import { startCollecting } from '../parts/collect.ts'
import { expectData, hurried, read, startScript } from '../parts/example.ts'
import { startAlertmanager, startPrometheus } from '../parts/prometheus.ts'
import { started } from '../parts/started.ts'
import { startWebhook } from '../parts/webhook.ts'

interface Stacked {
  readonly deploy?: { readonly labels?: Readonly<Record<string, string>> }
}
const stack = parse(read('labels/stack.yml')).services as Readonly<Record<string, Stacked>>
const labelled = Object.entries(stack).flatMap(([name, { deploy }]) =>
  deploy?.labels ? [{ name, labels: deploy.labels }] : [],
)
const limit = 256 * 1024 * 1024

/** Stands in for cAdvisor: the real memory of one process, under cAdvisor's names. */
function startCadvisor(port: number, pid: number) {
  const labels = '{container_label_com_docker_swarm_service_name="labels_hoard"}'
  const server = createServer((_, response) => {
    const resident = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' })
    response.end(
      `container_memory_usage_bytes${labels} ${resident}\ncontainer_spec_memory_limit_bytes${labels} ${limit}\n`,
    )
  }).listen(port, '127.0.0.1')
  return {
    async stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function startNodeExporter(port: number) {
  const listen = `--web.listen-address=127.0.0.1:${port}`
  const child = spawn('prometheus-node-exporter', [listen], { stdio: 'ignore' })
  return { stop: async () => child.kill() }
}

test('ports and limits are what the test takes them for', () => {
  const ports = labelled.map(({ name, labels }) => [name, settingsOf({}, labels).port?.value])
  expect(Object.fromEntries(ports)).toEqual({ hoard: 8000, cadvisor: 8080, 'node-exporter': 9100 })
  expect(parse(read('labels/stack.yml')).services.hoard.deploy.resources.limits.memory).toBe('256M')
})

test('memory near its limit fires an alert from a label, which leaves with its service', async () => {
  const [hoard, cadvisor, node] = [await freePort(), await freePort(), await freePort()]
  const application = started(startScript('labels/app/hoard.mjs', { PORT: hoard }))
  started(startCadvisor(cadvisor, application.pid))
  started(startNodeExporter(node))
  const ask = (path: string) => fetch(`http://127.0.0.1:${hoard}${path}`)
  const page = (port: number) => `http://127.0.0.1:${port}/metrics`
  const [agent] = await startAgents('swarm', [
    [
      `labels_hoard=${page(hoard)}`,
      `labels_cadvisor=${page(cadvisor)}`,
      `labels_node-exporter=${page(node)}`,
    ],
  ])
  started(agent!)
  // the manager's word: without a Swarm, a store that was given it
  const manager = started(await startResponder('swarm'))
  const nodes = nodesAt(manager.address)
  const services = labelled.map(({ name, labels }) => service(`labels_${name}`, { labels }))
  manager.learn({ nodes, swarmState: swarmState(services) })

  const webhook = started(await startWebhook())
  const alertmanager = started(await startAlertmanager(webhook.url))
  const config = hurried(read('labels/prometheus.yml'), {
    'metrics_agent:2137': agent!.address,
    'labels_alertmanager:9093': new URL(alertmanager.url).host,
  })
  const prometheus = started(await startPrometheus(config))
  started(startCollecting([`swarm=${manager.url}`], join(prometheus.folder, 'from-labels'), prometheus))

  const own = ['labels_hoard_hoarding', 'labels_hoard_memory']
  const sorted = async () => (await prometheus.rules()).toSorted()
  await until('three rules', async () => (await prometheus.rules()).length === 3)
  expect(await sorted()).toEqual([...own, 'labels_nodeexporter_memory'])
  await expectData(prometheus, 'labels/dashboard.json')
  expect(await prometheus.alerts()).toEqual([])

  for (let time = 0; time < 24; time++) await ask('/hoard')
  const areSent = (status: string) => {
    const names = webhook.notices.filter((notice) => notice.status === status)
    return own.every((name) => names.some(({ labels }) => labels.alertname === name))
  }
  await until('both alerts to be sent', () => areSent('firing'), { within: 40_000 })
  expect(webhook.notices.find(({ labels }) => labels.alertname === own[1])!.labels).toMatchObject({
    service: 'labels_hoard',
    cluster: 'swarm',
    severity: 'high',
    receiver: 'system',
  })

  manager.learn({ nodes, swarmState: swarmState(services.filter(({ name }) => name !== 'labels_hoard')) })
  await until('its rules to go', async () => (await prometheus.rules()).length === 1)
  expect(await sorted()).toEqual(['labels_nodeexporter_memory'])
})
