// The peers of this agent: found, linked over SSH, told what is ours, asked for what is theirs.

import type { Clock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { isInternal, troubleOf } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { NodeId, PeerView, Stoppable } from '../model.ts'
import { startLoop } from '../runtime/loop.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { createFinder, createLookUp, type LookUp } from './find.ts'
import { createIdentity } from './identity.ts'
import { deriveKeys, type Keys } from './keys.ts'
import { createMeasures } from './measures.ts'
import { createMesh, type MeshOptions } from './mesh.ts'
import type { SyncStore } from './session.ts'

import { dial, startListener } from './sockets.ts'
import { createSsh } from './ssh.ts'

export interface Sync extends Stoppable {
  /** The port it listens on. */
  readonly port: number
  /** The owner scrapes now; its new snapshot is in the store when this resolves. Rejects with a ProxyError. */
  refresh(node: NodeId, id: string, budget: number, signal?: AbortSignal): Promise<void>
  /** Nothing of ours is about to change: what has changed goes out now, and not with what else comes in a moment. */
  flush(): void
  peers(): readonly PeerView[]
  /** Whether every peer that was found has told all it has, or can't be reached. Stays so once it is. */
  isSettled(): boolean
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
  /** For tests: another way to look names up, and keys that are derived once for many agents. */
  readonly lookUp?: LookUp
  readonly derive?: typeof deriveKeys
}

const findEvery = 5000
/** A peer that is found and says nothing keeps nobody waiting for longer than this. */
const settledWithin = 15_000

export async function startSync(options: SyncOptions): Promise<Sync> {
  const { config, clock, log, metrics, version, store, refreshOwn } = options
  const started = clock.now()
  const ssh = createSsh(await deriveAll(options.derive ?? deriveKeys, config))
  const measures = createMeasures(metrics, () => mesh.peers())
  const mesh = createMesh({
    ...{
      clock,
      log,
      store,
      version,
      refreshOwn,
      identity: createIdentity(),
      maxBodyBytes: config.maxBodyBytes,
    },
    dial: (address, signal) => dial(address, ssh, clock, signal),
    onLost: () => finding.trigger(),
    watch: measures.watch,
  })
  const listener = await startListener({
    ...{ clock, ssh, port: config.sshPort },
    on: mesh.accept,
    refused: (_, why) => measures.refused(why),
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
    intervalMs: findEvery,
    onFailure: (error, inARow) => {
      if (isInternal(error)) log.internal(error, 'sync')
      if (inARow === 1) log.warn({ ...troubleOf(error) }, 'peers can’t be found')
    },
  })
  let settled = false

  return {
    port: listener.port,
    async refresh(node, id, budget, signal) {
      const asked = clock.now()
      await mesh.refresh(node, id, budget, signal)
      measures.refreshed(clock.now() - asked)
    },
    flush: mesh.flush,
    peers: mesh.peers,
    isSettled() {
      settled ||= mesh.isSettled() || clock.now() - started > settledWithin
      return settled
    },
    async stop() {
      await finding.stop()
      await mesh.stop()
      await listener.stop()
    },
  }
}

async function deriveAll(
  derive: typeof deriveKeys,
  { secret, previousSecret }: SyncOptions['config'],
): Promise<[Keys, ...Keys[]]> {
  const present = await derive(secret)
  return previousSecret === undefined ? [present] : [present, await derive(previousSecret)]
}
