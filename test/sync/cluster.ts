// A cluster of agents, each with its store and its mesh, on one virtual clock and one network in memory.

import type { Clock } from '../../src/clock.ts'
import { createLog } from '../../src/logging/log.ts'
import type { Self, Target } from '../../src/model.ts'
import { plainPage } from '../../src/model.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { bodyOf } from '../../src/sync/codec.ts'
import { createIdentity } from '../../src/sync/identity.ts'
import { createMesh, type Mesh } from '../../src/sync/mesh.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { endpoint, found, self as selfOf, target } from '../store/samples.ts'
import { createNetwork, type Network } from './network.ts'

export interface Agent {
  readonly host: string
  readonly node: string
  readonly store: Store
  readonly mesh: Mesh
  readonly clock: Clock
  readonly logged: string[]
  readonly delays: number[]
  /** Links that were lost, and how often that was a reason to look where the peers are. */
  readonly losses: { links: number; searches: number }
  /** At how many moments one of its timers, or several, rang. */
  readonly wakes: () => number
  /** The set of containers is what `ids` says. */
  run(...ids: readonly string[]): void
  /** The container has a new page. */
  show(id: string, text: string): void
  fail(id: string): void
  text(node: string, id: string): string | undefined
  stop(): Promise<void>
}

export interface Cluster {
  readonly clock: VirtualClock
  readonly network: Network
  readonly agents: Map<string, Agent>
  start(host: string, options?: Partial<AgentOptions>): Agent
  /** The agent ends without a word; its links are reset. */
  kill(host: string): Promise<void>
  /** The whole of what an agent believes, ready to be compared. */
  view(host: string): unknown
}

interface AgentOptions {
  readonly self: Partial<Self>
  /** The nodes that its engine knows as managers; all, unless said otherwise. */
  readonly managers: readonly string[]
  /** This node's clock shows so much more than the others'. */
  readonly skew: number
  readonly whole: boolean
  readonly addresses: readonly string[]
  readonly maxPeerPageBytes: number
  /** What the store holds before sync starts. */
  readonly before: (store: Store) => void
  readonly rereadManagers: (agent: Agent) => unknown
  readonly refreshOwn: (agent: Agent, id: string, budget: number) => Promise<unknown>
}

export function createCluster(hosts: readonly string[]): Cluster {
  const clock = virtualClock()
  const network = createNetwork(clock)
  const agents = new Map<string, Agent>()

  function start(host: string, options: Partial<AgentOptions> = {}): Agent {
    const agent = startAgent(clock, network, host, options.addresses ?? hosts, options)
    agents.set(host, agent)
    return agent
  }

  return {
    clock,
    network,
    agents,
    start,
    async kill(host) {
      network.leave(host)
      const stopped = agents.get(host)?.stop()
      agents.delete(host)
      await clock.pass(5)
      await stopped
    },
    view(host) {
      const { store } = agents.get(host)!
      const entries = [...store.entries()].map(
        ({ owner, target: { id, image }, probeResult, endpoint, snapshot, ended }) => ({
          key: `${owner}/${id}`,
          image,
          probeResult,
          endpoint,
          ended: ended && { removed: ended.removed },
          snapshot: snapshot?.ok ? Buffer.from(bodyOf(snapshot.page)).toString() : snapshot?.failure,
        }),
      )
      return {
        entries: entries.sort((a, b) => (a.key < b.key ? -1 : 1)),
        nodes: store
          .nodes()
          .map(({ self, failure }) => ({ self, failure }))
          .sort((a, b) => (a.self.node < b.self.node ? -1 : 1)),
        swarmState: store.swarmState()?.value,
      }
    },
  }
}

function startAgent(
  base: VirtualClock,
  network: Network,
  host: string,
  hosts: readonly string[],
  options: Partial<AgentOptions>,
): Agent {
  const skew = options.skew ?? 0
  const wakes = new Set<number>()
  const clock: Clock = {
    ...base,
    now: () => base.now() + skew,
    after: (ms, callback) =>
      base.after(ms, () => {
        wakes.add(base.now())
        callback()
      }),
  }
  const { maxPeerPageBytes = Number.POSITIVE_INFINITY } = options
  const store = createStore({ clock, forgetAfterMs: 300_000, version: '1.0.0', maxPeerPageBytes })
  const self = selfOf(host, options.self)
  store.identify(self, new Set(options.managers ?? hosts))
  if (options.whole ?? true) store.markComplete()
  options.before?.(store)
  const logged: string[] = []
  const delays: number[] = []
  const losses = { links: 0, searches: 0 }
  const logLine = (fields: object, message: string) => logged.push(`${message} ${JSON.stringify(fields)}`)
  const own = (id: string): Target => target(id, { node: self.node })

  const mesh = createMesh({
    clock,
    log: { ...createLog('silent'), warn: logLine, error: logLine },
    store,
    version: '1.0.0',
    identity: createIdentity(),
    maxBodyBytes: 10_000_000,
    dial: (address) => network.dial(host, address),
    async refreshOwn(id, budget) {
      await options.refreshOwn?.(agent, id, budget)
    },
    onLost: () => (losses.searches += 1),
    rereadManagers: () => options.rereadManagers?.(agent),
    counters: {
      sent: () => {},
      received: () => {},
      pageVisible: (delay) => delays.push(delay),
      linkLost: () => (losses.links += 1),
    },
  })
  network.listen(host, mesh.accept)
  mesh.setAddresses(hosts)

  const agent: Agent = {
    ...{ host, node: self.node, store, mesh, clock, logged, delays, losses, wakes: () => wakes.size },
    run(...ids) {
      store.replaceTargets(ids.map(own))
      for (const id of ids) store.putProbeResult(id, found)
    },
    show(id, text) {
      const page = plainPage(Buffer.from(text), { format: 'text/0.0.4', series: 1, remarks: [] })
      store.putSnapshot(id, { ok: true, at: clock.now(), durationMs: 1, page })
    },
    fail: (id) =>
      store.putSnapshot(id, {
        ok: false,
        at: clock.now(),
        durationMs: 1,
        failure: { code: 'connection_refused', reason: endpoint.url },
      }),
    text(node, id) {
      const snapshot = store.entry(node, id)?.snapshot
      return snapshot?.ok ? Buffer.from(bodyOf(snapshot.page)).toString() : undefined
    },
    async stop() {
      await mesh.stop()
      await store.stop()
    },
  }
  return agent
}
