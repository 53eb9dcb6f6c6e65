import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../helpers/ports.ts'
import { until } from '../../helpers/until.ts'
import { startAgents } from '../parts/agents.ts'
import { expectData, hurried, read, startScript } from '../parts/example.ts'
import { startPrometheus } from '../parts/prometheus.ts'
import { started } from '../parts/started.ts'

test('three connections, no error; then chaos, and the alert, until it is over', async () => {
  const [chat, pages] = [await freePort(), await freePort()]
  const at = { CHAT_HOST: '127.0.0.1', CHAT_PORT: chat, METRICS_PORT: pages }
  started(startScript('chat/app/server.mjs', at))
  for (let client = 0; client < 3; client++) started(startScript('chat/app/client.mjs', at))
  const [agent] = await startAgents('chat', [[`chat_server=http://127.0.0.1:${pages}/metrics`]])
  started(agent!)
  const prometheus = started(
    await startPrometheus(hurried(read('chat/prometheus.yml'), { 'agent:2137': agent!.address })),
  )
  // a minute of the alert becomes ten seconds
  await writeFile(join(prometheus.folder, 'rules.yml'), read('chat/rules.yml').replace('[1m]', '[10s]'))
  await fetch(`${prometheus.url}/-/reload`, { method: 'POST' })

  await until('the three', async () => (await prometheus.query('connections == 3')).length === 1)
  expect(await (await fetch(`${agent!.url}/chat_server/metrics`)).text()).toBe('connections 3\nerror_count 0')
  await expectData(prometheus, 'chat/dashboard.json')
  expect(await prometheus.alerts()).toEqual([])

  const chaos = started(startScript('chat/app/chaos.mjs', at))
  const alert = await until('the alert', async () => (await prometheus.alerts())[0])
  expect(alert).toMatchObject({ state: 'firing', labels: { alertname: 'ChatErrors', job: 'chat_server' } })
  await chaos.stop()
  await until('it to be over', async () => (await prometheus.alerts()).length === 0, { within: 40_000 })
})
