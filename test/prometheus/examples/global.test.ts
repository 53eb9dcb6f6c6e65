import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../helpers/ports.ts'
import { until } from '../../helpers/until.ts'
import { startAgents } from '../parts/agents.ts'
import { expectData, hurried, read, startScript } from '../parts/example.ts'
import { startPrometheus } from '../parts/prometheus.ts'
import { started } from '../parts/started.ts'

/** Two nodes with an agent and a replica each; the address of one of them. */
async function startCluster(name: string, loses: string): Promise<string> {
  const ports = [await freePort(), await freePort()]
  for (const port of ports) started(startScript('global/app/shop.mjs', { PORT: port, LOSES: loses }))
  const agents = await startAgents(
    name,
    ports.map((port) => [`shop_web=http://127.0.0.1:${port}/metrics`]),
  )
  agents.forEach(started)
  return agents[0]!.address
}

test('one rule over two clusters fires for the one in which it holds', async () => {
  const config = hurried(read('global/prometheus.yml'), {
    'dev.example.org:2137': await startCluster('dev', ''),
    'qa.example.org:2137': await startCluster('qa', 'yes'),
  })
  const prometheus = started(await startPrometheus(config))
  await writeFile(join(prometheus.folder, 'rules.yml'), read('global/rules.yml'))
  await fetch(`${prometheus.url}/-/reload`, { method: 'POST' })

  const replicas = async () => {
    const counted = await prometheus.query('sum by (cluster) (up{job="shop_web"})')
    return counted.map(({ labels, value }) => `${labels.cluster} ${value}`).toSorted()
  }
  await until('two in each', async () => `${await replicas()}` === 'dev 2,qa 2')
  await expectData(prometheus, 'global/dashboard.json')
  await until('the alert', async () => (await prometheus.alerts()).length > 0, { within: 40_000 })
  const alerts = await prometheus.alerts()
  expect(alerts.map(({ state, labels }) => [state, labels.alertname, labels.cluster])).toEqual([
    ['firing', 'ShopLosesOrders', 'qa'],
  ])
})
