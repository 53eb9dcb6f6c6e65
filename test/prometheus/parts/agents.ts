// Whole agents in this process, joined over SSH on loopback, that watch applications of the test's own.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startAgent } from '../../../src/agent/agent.ts'
import { systemClock } from '../../../src/clock.ts'
import { readConfig } from '../../../src/config/config.ts'
import { createLog } from '../../../src/logging/log.ts'
import { freePort } from '../../helpers/ports.ts'

export interface Agent {
  readonly url: string
  readonly address: string
  stop(): Promise<void>
}

export interface Application {
  readonly url: string
  well: boolean
  stop(): Promise<void>
}

/** What each node watches: `name=url`. */
export async function startAgents(
  cluster: string,
  nodes: readonly (readonly string[])[],
): Promise<readonly Agent[]> {
  const ports = await Promise.all(nodes.map(async () => ({ web: await freePort(), ssh: await freePort() })))
  return Promise.all(
    nodes.map(async (targets, at) => {
      const { web, ssh } = ports[at]!
      const config = readConfig({
        CLUSTER: cluster,
        NODE_NAME: `node${at + 1}`,
        LISTEN_PORT: `${web}`,
        SSH_PORT: `${ssh}`,
        ADVERTISE: `127.0.0.1:${web}`,
        SSHPASS: 'a secret of this test alone',
        PEERS: ports
          .filter((_, other) => other !== at)
          .map(({ ssh }) => `127.0.0.1:${ssh}`)
          .join(' '),
        TARGETS: targets.join(' '),
        SCRAPE_INTERVAL: '1',
        FORGET_AFTER: '60',
      })
      const app = await startAgent({ config, clock: systemClock, log: createLog('silent'), version: 'test' })
      const address = `127.0.0.1:${app.port}`
      return { url: `http://${address}`, address, stop: app.stop }
    }),
  )
}

export async function startApplication(page = 'answered 1\n'): Promise<Application> {
  const server = createServer((_, response) => {
    response
      .writeHead(application.well ? 200 : 500, { 'content-type': 'text/plain; version=0.0.4' })
      .end(page)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const application: Application = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
    well: true,
    async stop() {
      server.closeAllConnections()
      server.close()
    },
  }
  return application
}
