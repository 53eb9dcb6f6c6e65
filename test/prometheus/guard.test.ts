// Prometheus' own ways to say who asks, against a guarded agent: for the list of targets and for what it lists.

import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startAgent } from '../../src/agent/agent.ts'
import { systemClock as clock } from '../../src/clock.ts'
import { readConfig } from '../../src/config/config.ts'
import { createLog } from '../../src/logging/log.ts'
import { selfSigned } from '../helpers/certificate.ts'
import { freePort } from '../helpers/ports.ts'
import { pageServer } from '../helpers/server.ts'
import { until } from '../helpers/until.ts'
import { startPrometheus } from './parts/prometheus.ts'

let folder: string
const running: { stop(): Promise<void> }[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'guarded-'))
})
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
  rmSync(folder, { recursive: true })
})

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

/** An agent with one application, guarded as `webConfig` says. Its address. */
async function guardedAgent(webConfig: string): Promise<string> {
  const application = await pageServer('x 1\n')
  running.push({ stop: async () => application[Symbol.asyncDispose]() })
  const port = await freePort()
  const config = readConfig({
    NODE_NAME: 'node1',
    TARGETS: `app=${application.url}`,
    LISTEN_PORT: String(port),
    ADVERTISE: `localhost:${port}`,
    WEB_CONFIG_FILE: write('web.yml', webConfig),
  })
  running.push(await startAgent({ config, clock, log: createLog('silent'), version: 'test' }))
  return `localhost:${port}`
}

/** What `up` is for all that Prometheus finds at the agent, scraped with these settings. */
async function upsWith(address: string, scheme: string, settings: string): Promise<readonly number[]> {
  const indented = (by: number) => settings.replaceAll(/^/gm, ' '.repeat(by))
  const prometheus = await startPrometheus(`
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: guarded
    scheme: ${scheme}
${indented(4)}
    http_sd_configs:
      - url: ${scheme}://${address}/sd
        refresh_interval: 1s
${indented(8)}
`)
  running.push(prometheus)
  return until('two targets to be scraped', async () => {
    const ups = await prometheus.query('up')
    return ups.length === 2 && ups.every(({ value }) => value === 1) && ups.map(({ value }) => value)
  })
}

test('basic_auth', async () => {
  const address = await guardedAgent(`basic_auth_users: { prometheus: "${hashSync('right', 4)}" }`)
  const ups = await upsWith(address, 'http', 'basic_auth: { username: prometheus, password: right }')
  expect(ups).toEqual([1, 1])
})

test('authorization with a token', async () => {
  const hash = createHash('sha256').update('sesame').digest('hex')
  const address = await guardedAgent(`bearer_tokens: { prometheus: ${hash} }`)
  expect(await upsWith(address, 'http', 'authorization: { credentials: sesame }')).toEqual([1, 1])
})

test('tls_config with a client certificate, and a password besides', async () => {
  const server = selfSigned()
  const client = selfSigned()
  const [certFile, keyFile] = [write('client.pem', client.cert), write('client.key', client.key)]
  const ca = write('server.pem', server.cert)
  write('server.key', server.key)
  const address = await guardedAgent(`
tls_server_config:
  cert_file: server.pem
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: client.pem
basic_auth_users: { prometheus: "${hashSync('right', 4)}" }
`)
  const settings = `tls_config: { ca_file: ${ca}, cert_file: ${certFile}, key_file: ${keyFile} }
basic_auth: { username: prometheus, password: right }`
  expect(await upsWith(address, 'https', settings)).toEqual([1, 1])
})

test('whoever says nothing is not even given the list', async () => {
  const address = await guardedAgent(`basic_auth_users: { prometheus: "${hashSync('right', 4)}" }`)
  expect((await fetch(`http://${address}/sd`)).status).toBe(401)
  expect((await fetch(`http://${address}/app/metrics`)).status).toBe(401)
})
