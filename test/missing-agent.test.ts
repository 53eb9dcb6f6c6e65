// Two whole agents on loopback, one of which dies: it is missed for as long as it is expected.

import { expect, test } from 'vitest'
import { startAgent } from '../src/agent/agent.ts'
import { systemClock as clock } from '../src/clock.ts'
import { readConfig } from '../src/config/config.ts'
import { createLog } from '../src/logging/log.ts'
import { freePort } from './helpers/ports.ts'
import { until } from './helpers/until.ts'
import { ask } from './web/agent.ts'

test('a dead agent at an address of PEERS is missed after FORGET_AFTER, too; its containers are not', async () => {
  const sshPorts = [await freePort(), await freePort()]
  const start = (at: 0 | 1) => {
    const config = readConfig({
      ...{ NODE_NAME: `n${at + 1}`, SSHPASS: 'a secret that is long enough', FORGET_AFTER: '1' },
      ...{ SSH_PORT: `${sshPorts[at]}`, PEERS: `127.0.0.1:${sshPorts[1 - at]}` },
      TARGETS: `app${at + 1}=http://127.0.0.1:1/metrics`,
    })
    return startAgent({
      config: { ...config, listenPort: 0 },
      clock,
      log: createLog('silent'),
      version: 'test',
    })
  }
  const [living, dying] = [await start(0), await start(1)]
  const read = async (path: string) =>
    (await ask(living.port, path, { headers: { accept: 'application/json' } })).text
  const targets = async () =>
    (JSON.parse(await read('/')) as { targets: { name: string; node: string }[] }).targets
      .filter(({ node }) => node === 'n2')
      .map(({ name }) => name)
  await until('the link, and who is at the address', async () => {
    const peers = (await read('/metrics')).match(/(?<=^app_metrics_proxy_sync_peers\{.*\} )\d+$/gm)
    return peers?.join() === '1,0,0' && (await targets()).length === 2
  })
  await dying.stop()
  await until('its containers to be forgotten', async () => (await targets()).length === 1)

  expect(await targets()).toEqual(['app-metrics-proxy'])
  expect(await read('/metrics')).toMatch(/^app_metrics_proxy_link_up\{node="n2",node_id="n2"\} 0$/m)
  expect(await read('/sd')).toContain('app-metrics-proxy@n2')
  const { status, problems } = JSON.parse(await read('/health'))
  expect([status, problems.map(({ key }: { key: string }) => key)]).toEqual([
    'error',
    expect.arrayContaining(['node n2', `peer 127.0.0.1:${sshPorts[1]}`]),
  ])
  const page = JSON.parse(await read('/'))
  expect(page.problems).toEqual(problems)
  await living.stop()
})
