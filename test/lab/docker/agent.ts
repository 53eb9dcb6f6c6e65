// Discovery alone, on a real engine: as a process of the node's host, or inside a container of it.

import { join } from 'node:path'
import { systemClock } from '../../../src/clock.ts'
import { readConfig } from '../../../src/config/config.ts'
import { type Discovered, type Discovery, startDiscovery } from '../../../src/discover/discovery.ts'
import { parseProc } from '../../../src/discover/own-container.ts'
import { createLog } from '../../../src/logging/log.ts'
import type { Target } from '../../../src/model.ts'
import { createMetrics } from '../../../src/runtime/metrics.ts'
import { until } from '../../helpers/until.ts'
import { appImage } from '../harness/images.ts'
import type { Node } from '../harness/node.ts'

export interface Agent {
  found(): Discovered | undefined
  target(name: string): Target | undefined
  /** Waits until the target is as wanted; a name alone: until it is there. */
  sees(name: string, holds?: (target: Target) => boolean): Promise<Target>
  lacks(name: string): Promise<void>
}

function agentOf(
  found: () => Promise<Discovered | undefined> | Discovered | undefined,
  last: () => Discovered | undefined,
): Agent {
  const target = (name: string) => last()?.targets.find((one) => one.name === name)
  return {
    found: last,
    target,
    sees: (name, holds = () => true) =>
      until(
        `${name} as wanted`,
        async () => {
          await found()
          const seen = target(name)
          return seen && holds(seen) && seen
        },
        { every: 10 },
      ),
    async lacks(name) {
      await until(`no ${name}`, async () => (await found()) && !target(name), { every: 10 })
    },
  }
}

/** A process of the host. It finds containers only: connecting to them is for programs in the node's network. */
export async function onHost(host: string): Promise<Agent & Pick<Discovery, 'status' | 'stop'>> {
  let last: Discovered | undefined
  const discovery = await startDiscovery(
    {
      config: readConfig({ DOCKER_HOST: host }),
      clock: systemClock,
      log: createLog('silent'),
      metrics: createMetrics(),
      swarmState: () => undefined,
      // the machine that runs the tests may be a container itself, of another engine
      proc: parseProc('', ''),
    },
    (found) => {
      last = found
    },
  )
  return {
    ...agentOf(
      () => last,
      () => last,
    ),
    status: discovery.status,
    stop: discovery.stop,
  }
}

const repository = join(import.meta.dirname, '../../..')
/** What a container needs to run the agent: this machine's node and libraries, each at its own path. */
export const agentFolders = [repository, process.execPath, '/lib', '/lib64', '/usr/lib']
export const agentCommand = [process.execPath, join(import.meta.dirname, 'inside.ts')]

/** Inside a container called `agent`. */
export async function inContainer(
  node: Node,
  flags: readonly string[],
  socket = node.socket,
): Promise<Agent> {
  const mounts = [`${socket}:/var/run/docker.sock`, ...agentFolders.map((path) => `${path}:${path}:ro`)]
  const volumes = mounts.flatMap((mount) => ['--volume', mount])
  await node.docker('run', '--detach', '--name', 'agent', ...volumes, ...flags, appImage, ...agentCommand)
  let last: Discovered | undefined
  async function read(): Promise<Discovered | undefined> {
    const line = (await node.docker('logs', '--tail', '1', 'agent')).split('\n').at(-1)
    last = line ? JSON.parse(line) : undefined
    return last
  }
  return agentOf(read, () => last)
}
