// One agent: the composition root itself, with simulated edges. Discovery finds what the world says, containers answer
// scrapes, peers are on the simulated network, and requests come without HTTP.

import { startAgent as startRealAgent } from '../../src/agent/agent.ts'
import { readConfig } from '../../src/config/config.ts'
import type { Discovered } from '../../src/discover/discovery.ts'
import { ProxyError } from '../../src/errors.ts'
import type { Log } from '../../src/logging/log.ts'
import type { NodeId, Self, SwarmState, Target } from '../../src/model.ts'
import type { Metrics } from '../../src/runtime/metrics.ts'
import { createIdentity } from '../../src/sync/identity.ts'
import type { Container } from './containers.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Wires } from './twins.ts'
import { createWeb, type Response } from './web.ts'

/** What discovery would find on the agent's machine. */
export interface Seen {
  readonly self: Self
  readonly targets: readonly Target[]
  /** Which nodes the engine knows as managers. */
  readonly managers: ReadonlySet<NodeId>
  /** On managers only. */
  readonly swarmState: SwarmState | undefined
}

export interface Agent {
  readonly address: string
  readonly process: Process
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>
  see(seen: Seen): void
  stop(): Promise<void>
}

export interface Context {
  readonly process: Process
  readonly network: Wires
  readonly address: string
  readonly random: Random
  /** Where agents are, as DNS would answer. */
  readonly lookUp: () => readonly string[]
  readonly containerAt: (host: string) => Container | undefined
  /** An internal error: always a bug. */
  readonly onInternal: (what: string, error: unknown) => void
}

export const config = {
  ...readConfig({
    SCRAPE_INTERVAL: '5s',
    FORGET_AFTER: '1m',
    MAX_BODY: '1MiB',
    MAX_SERIES: '10000',
    MAX_LINE: '64KiB',
    SSHPASS: 'not used by the simulated network',
  }),
  maxAgeMs: 100,
}

export function startAgent({ process, network, address, random, onInternal, ...world }: Context): Agent {
  const { clock } = process
  const web = createWeb((error) => onInternal('a request', error))
  let onDiscovered: (discovered: Discovered) => void = nothing
  const started = startRealAgent({
    ...{ config, clock, log: createLog(onInternal), version: '1.0.0' },
    platform: {
      createProcessMetrics: () => ({ clock, metrics }),
      readMemoryUse: () => ({
        ...{ residentBytes: 0, residentLimitBytes: Number.POSITIVE_INFINITY },
        ...{ heapBytes: 0, heapLimitBytes: Number.POSITIVE_INFINITY },
      }),
      createFetcher: () => ({
        async fetch(url, { timeoutMs, signal }) {
          const container = world.containerAt(new URL(url).host)
          if (!container) throw new ProxyError('unreachable', 'no way to its address')
          const text = await container.scrape(process, timeoutMs, signal)
          return { body: Buffer.from(text), gzip: false, contentType: 'text/plain; version=0.0.4' }
        },
        close: async () => {},
      }),
      async connect(host, port, _timeout, signal) {
        await clock.sleep(1, signal)
        const container = world.containerAt(port === 80 ? host : `${host}:${port}`)
        if (!container?.isRunning()) throw new ProxyError('connection_refused', 'connection refused')
      },
      async startDiscovery(_, found) {
        onDiscovered = found
        return { status: () => ({ warnings: [] }), readNow: nothing, stop: async () => {} }
      },
      openTransport: async () => ({
        identity: createIdentity(random.bytes(32)),
        find: async () => world.lookUp(),
        dial: (to, signal) => network.dial(process, address, to, signal),
        async listen(on) {
          network.listen(address, process, on)
          return { port: 0, stop: async () => {} }
        },
      }),
      async startServer({ plugins }) {
        for (const plugin of plugins) plugin(web.server)
        return { port: 0, stop: async () => {} }
      },
    },
  })

  return {
    address,
    process,
    async get(path, headers = {}) {
      await started
      return web.get(path, headers)
    },
    see({ swarmState, ...seen }) {
      const read = seen.self.manager && swarmState && { swarmState, swarmStateReadAt: clock.now() }
      onDiscovered({ ...seen, ...read })
    },
    stop: async () => (await started).stop(),
  }
}

const nothing = () => {}

function createLog(onInternal: Context['onInternal']): Log {
  return {
    ...{ debug: nothing, info: nothing, warn: nothing, error: nothing },
    internal: (error, where) => onInternal(where, error),
  }
}

const metric = { add: nothing, set: nothing }
/** Figures that nobody looks at. */
const metrics: Metrics = {
  counter: () => metric,
  gauge: () => metric,
  histogram: () => ({ observe: nothing }),
  registerCollector: nothing,
  print: () => '',
}
