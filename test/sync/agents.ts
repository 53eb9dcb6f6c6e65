// Agents with their store and their sync over real SSH on loopback; the rest of an agent is not needed for it.

import { type Clock, systemClock } from '../../src/clock.ts'
import { createLog } from '../../src/logging/log.ts'
import { plainPage } from '../../src/model.ts'
import { createMetrics, type Metrics } from '../../src/runtime/metrics.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { bodyOf } from '../../src/sync/codec.ts'
import type { LookUp } from '../../src/sync/find-peers.ts'
import { deriveKeys, type Keys } from '../../src/sync/keys.ts'
import { openTransport, type Sync, startSync } from '../../src/sync/sync.ts'
import { until as untilTrue } from '../helpers/until.ts'
import { found, self, target } from '../store/samples.ts'

export interface Agent {
  readonly store: Store
  readonly sync: Sync
  readonly metrics: Metrics
  readonly logged: string[]
}

export const secret = 'a secret that is long enough'

export const until = <T>(probe: () => T | undefined | false) => untilTrue(String(probe), probe, { every: 5 })

export const agents: Agent[] = []
export async function stopAll(): Promise<void> {
  for (const agent of agents.splice(0)) await stop(agent)
}

export async function stop({ sync, store }: Agent): Promise<void> {
  await sync.stop()
  await store.stop()
}

export async function start(
  node: string,
  peers: readonly string[],
  options: {
    secret?: string
    previousSecret?: string
    port?: number
    refreshOwn?: (store: Store, id: string, budget: number) => Promise<void>
    lookUp?: LookUp
    clock?: Clock
  } = {},
): Promise<Agent> {
  const store = createStore({ clock: systemClock, forgetAfterMs: 300_000, version: '1.0.0' })
  const metrics = createMetrics()
  const logged: string[] = []
  const logLine = (fields: object, message: string) => logged.push(`${message} ${JSON.stringify(fields)}`)
  store.identify(self(node, { swarm: false }))
  const clock = options.clock ?? systemClock
  const config = {
    sshPort: options.port ?? 0,
    peers,
    secret: options.secret ?? secret,
    previousSecret: options.previousSecret,
    maxBodyBytes: 50_000_000,
  }
  const lookUp = options.lookUp && { lookUp: options.lookUp }
  const sync = await startSync({
    ...{ config, clock },
    transport: await openTransport({
      ...{ config, clock, derive, service: () => store.ownNode.self().service },
      ...lookUp,
    }),
    log: { ...createLog('silent'), info: logLine, warn: logLine, error: logLine },
    metrics,
    version: '1.0.0',
    store,
    rereadManagers: () => {},
    async refreshOwn(id, budget) {
      await options.refreshOwn?.(store, id, budget)
    },
  })
  const agent = { store, sync, metrics, logged }
  agents.push(agent)
  return agent
}

/** Slow on purpose, so once a secret. */
const derived = new Map<string, Promise<Keys>>()

export function derive(secret: string): Promise<Keys> {
  const keys = derived.get(secret) ?? deriveKeys(secret)
  derived.set(secret, keys)
  return keys
}

export const at = ({ sync }: Agent) => `127.0.0.1:${sync.port}`

export function run({ store }: Agent, node: string, id: string): void {
  store.replaceTargets([target(id, { node })])
  store.putProbeResult(id, found)
  store.markComplete()
}

export function show(store: Store, id: string, text: string): void {
  const page = plainPage(Buffer.from(text), { format: 'text/0.0.4', series: 1, remarks: [] })
  store.putSnapshot(id, { ok: true, at: systemClock.now(), durationMs: 1, page })
}

export function textOf({ store }: Agent, node: string, id: string): string | undefined {
  const snapshot = store.entry(node, id)?.snapshot
  return snapshot?.ok ? Buffer.from(bodyOf(snapshot.page)).toString() : undefined
}

export const linked = (agent: Agent, count: number) =>
  until(() => agent.store.nodes().filter(({ link }) => link === 'up').length === count)
