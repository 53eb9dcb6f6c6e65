// Agents in this process, one for each node of a Swarm of swarm-engine.ts, linked over SSH.

import { type Agent, startAgent } from '../../src/agent/agent.ts'
import { systemClock as clock } from '../../src/clock.ts'
import { readConfig } from '../../src/config/config.ts'
import { createLog } from '../../src/logging/log.ts'
import { ask } from '../web/agent.ts'
import { freePort } from './ports.ts'
import { type SwarmContainer, startSwarmEngines } from './swarm-engine.ts'
import { until } from './until.ts'

export interface SwarmAgents {
  /** In the order of their nodes. */
  readonly agents: readonly Agent[]
  readonly internalErrors: readonly unknown[]
  stop(): Promise<void>
}

/** Resolves once each is ready. `write` receives the lines of their logs. */
export async function startSwarmAgents(
  hostnames: readonly string[],
  containers: readonly SwarmContainer[],
  write?: (line: string) => void,
): Promise<SwarmAgents> {
  const cleanup = new AsyncDisposableStack()
  const agents: Agent[] = []
  const internalErrors: unknown[] = []
  const engines = await startSwarmEngines(hostnames, containers)
  for (const engine of engines) cleanup.use(engine)
  const firstSshPort = await freePort()
  const log = {
    ...createLog(write ? 'info' : 'silent', write),
    internal: (error: unknown) => void internalErrors.push(error),
  }
  for (const [at, engine] of engines.entries()) {
    const config = readConfig({
      DOCKER_HOST: engine.host,
      SSHPASS: 'a secret that is long enough',
      PEERS: `127.0.0.1:${firstSshPort}`,
      PORTS: '1',
    })
    const agent = await startAgent({
      config: { ...config, listenPort: 0, sshPort: at === 0 ? firstSshPort : 0 },
      ...{ clock, log, version: 'test' },
    })
    cleanup.defer(agent.stop)
    agents.push(agent)
  }
  for (const { port } of agents)
    await until('an agent to be ready', async () => (await ask(port, '/-/ready')).status === 200, {
      within: 60_000,
    })
  return { agents, internalErrors, stop: () => cleanup.disposeAsync() }
}
