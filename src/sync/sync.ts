// The peers of this agent: found, linked over SSH, sent what this node owns, asked for what they own.

import type { Clock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { isInternal, troubleOf } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { NodeId, PeerView, Stoppable } from '../model.ts'
import { startLoop } from '../runtime/loop.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { createFinder, createLookUp, type LookUp } from './find-peers.ts'
import { createIdentity } from './identity.ts'
import { deriveAccepted, type deriveKeys } from './keys.ts'
import { createMesh, type MeshOptions } from './mesh.ts'
import type { SyncStore } from './session.ts'
import { dial, startListener } from './sockets.ts'
import { createSsh } from './ssh.ts'
import { createSyncMetrics } from './sync-metrics.ts'

export interface Sync extends Stoppable {
  /** The port it listens on. */
  readonly port: number
  /** The owner scrapes now; its new snapshot is stored when this resolves. Rejects with a ProxyError. */
  refresh(node: NodeId, id: string, budgetMs: number, signal?: AbortSignal): Promise<void>
  /** No more own changes are expected now: what waits is sent, instead of up to 20 ms later. */
  flush(): void
  peers(): readonly PeerView[]
  /** Whether every peer that was found has sent all it has, or can't be reached. Stays true. */
  isInitialSyncDone(): boolean
}

export interface SyncOptions {
  readonly config: Pick<Config, 'sshPort' | 'peers' | 'previousSecret' | 'maxBodyBytes'> & {
    readonly secret: string
  }
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly version: string
  readonly store: SyncStore
  readonly refreshOwn: MeshOptions['refreshOwn']
  readonly rereadManagers: MeshOptions['rereadManagers']
  /** For tests: another way to look names up, and keys that are derived once for many agents. */
  readonly lookUp?: LookUp
  readonly derive?: typeof deriveKeys
}

const findIntervalMs = 5000
/** A peer that is found and sends nothing is not waited for any longer. */
const initialSyncTimeoutMs = 15_000

export async function startSync(options: SyncOptions): Promise<Sync> {
  const { config, clock, log, metrics, version, store } = options
  const startedAt = clock.now()
  const ssh = createSsh(await deriveAccepted(config, options.derive))
  const syncMetrics = createSyncMetrics(metrics, () => mesh.peers())
  const mesh = createMesh({
    ...{
      clock,
      log,
      store,
      version,
      refreshOwn: options.refreshOwn,
      rereadManagers: options.rereadManagers,
      identity: createIdentity(),
      maxBodyBytes: config.maxBodyBytes,
    },
    dial: (address, signal) => dial(address, ssh, clock, signal),
    onLost: () => finding.trigger(),
    watch: syncMetrics.watch,
  })
  const listener = await startListener({
    ...{ clock, ssh, port: config.sshPort },
    on: mesh.accept,
    refused: syncMetrics.refused,
  }).catch(async (error) => {
    await mesh.stop()
    throw error
  })
  const find = createFinder(
    () => ({ service: store.own.self().service, sshPort: config.sshPort, peers: config.peers }),
    options.lookUp ?? createLookUp(clock),
  )
  const finding = startLoop(async (signal) => mesh.seek(await find(signal)), {
    clock,
    intervalMs: findIntervalMs,
    onFailure: (error, inARow) => {
      if (isInternal(error)) log.internal(error, 'sync')
      if (inARow === 1) log.warn({ ...troubleOf(error) }, 'peers can’t be found')
    },
  })
  let isInitialSyncDone = false

  return {
    port: listener.port,
    async refresh(node, id, budgetMs, signal) {
      const requestedAt = clock.now()
      await mesh.refresh(node, id, budgetMs, signal)
      syncMetrics.refreshed(clock.now() - requestedAt)
    },
    flush: mesh.flush,
    peers: mesh.peers,
    isInitialSyncDone() {
      isInitialSyncDone ||= mesh.isComplete() || clock.now() - startedAt > initialSyncTimeoutMs
      return isInitialSyncDone
    },
    async stop() {
      await finding.stop()
      await mesh.stop()
      await listener.stop()
    },
  }
}
