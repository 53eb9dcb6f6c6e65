// Docker sends a manager the environment of every service and task. It must end in the module that reads it.

import { inspect } from 'node:util'
import { afterEach, expect, test, vi } from 'vitest'
import { startAgent } from '../../src/agent/agent.ts'
import { systemClock as clock } from '../../src/clock.ts'
import { readConfig } from '../../src/config/config.ts'
import { type Discovered, startDiscovery } from '../../src/discover/discovery.ts'
import { createLog } from '../../src/logging/log.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { type EngineServer, startEngineServer } from '../discover/engine-server.ts'
import { swarm } from '../discover/recorded.ts'
import { until } from '../helpers/until.ts'

const secret = 'hunter2'
const env = [`PASSWORD=${secret}`]
const spec = {
  Env: env,
  Args: [secret],
  Command: [secret],
  Hostname: secret,
  Secrets: [{ SecretName: secret }],
}

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** A Swarm's manager whose answers hold the secret wherever Docker has one, and in places of no Docker yet. */
async function startEngine(): Promise<EngineServer> {
  const server = await startEngineServer()
  closing.push(async () => server[Symbol.asyncDispose]())
  const { info, containers, networks, gatewayBridge, services, tasks, nodes } = swarm
  Object.assign(server.answers, {
    '/info': { ...info, HttpProxy: `http://me:${secret}@proxy`, Env: env },
    '/containers/json': containers.map((row) => ({
      ...row,
      Command: secret,
      Env: env,
      Config: { Env: env },
    })),
    '/networks': networks,
    [`/networks/${gatewayBridge.Id}`]: gatewayBridge,
    '/services': services.map((row) => ({
      ...row,
      Spec: { ...row.Spec, TaskTemplate: { ContainerSpec: spec } },
      PreviousSpec: { ...row.Spec, TaskTemplate: { ContainerSpec: spec } },
    })),
    '/tasks': tasks.map((row) => ({ ...row, Spec: { ContainerSpec: spec } })),
    '/nodes': nodes,
  })
  return server
}

const everythingIn = (value: unknown) =>
  inspect(value, { depth: null, showHidden: true, maxArrayLength: null, maxStringLength: null })

test('none of it is handed on to the store, and so to peers', async () => {
  const server = await startEngine()
  const [found, lines]: [Discovered[], string[]] = [[], []]
  const discovery = await startDiscovery(
    {
      config: readConfig({ DOCKER_HOST: server.host, SD_LABELS: '*' }),
      clock,
      log: createLog('debug', (line) => lines.push(line)),
      metrics: createMetrics(),
      swarmState: () => undefined,
      proc: { ids: [], isFromMountsOnly: false, isMounted: () => false },
    },
    (next) => found.push(next),
  )
  closing.push(discovery.stop)
  await until('the swarm', async () => found.some(({ swarmState }) => swarmState !== undefined))
  const all = everythingIn([found, discovery.status(), lines])
  expect(all).toContain(swarm.services[0]!.Spec.Name)
  expect(all).not.toContain(secret)
})

test('none of it is served or logged', async () => {
  const server = await startEngine()
  const lines: string[] = []
  const config = readConfig({
    DOCKER_HOST: server.host,
    SD_LABELS: '*',
    SSHPASS: 'the secret of this cluster',
  })
  const log = createLog('debug', (line) => lines.push(line))
  vi.stubEnv('DOCKER_HOST', server.host)
  closing.push(async () => vi.unstubAllEnvs())
  const app = await startAgent({
    config: { ...config, listenPort: 0, sshPort: 0 },
    clock,
    log,
    version: 'test',
  })
  closing.push(app.stop)
  const get = async (path: string) =>
    (await fetch(`http://127.0.0.1:${app.port}${path}`, { headers: { accept: 'application/json' } })).text()
  const name = swarm.services[0]!.Spec.Name
  await until('the services', async () => (await get('/')).includes(name))
  const { targets } = JSON.parse(await get('/')) as { targets: { key: string }[] }
  const paths = ['/', '/sd', '/rules', '/health', '/metrics', '/nothing', `/${name}/metrics`]
  for (const { key } of targets) paths.push(`/?target=${encodeURIComponent(key)}`)
  const all = [...lines, ...(await Promise.all(paths.map(get)))].join('\n')
  expect(all).toContain(name)
  expect(all).not.toContain(secret)
})
