// The peers of this agent: found, linked over SSH, sent what this node owns, asked for what they own.

import type { Clock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { failureOf, isInternal } from '../errors.ts'
import type { Stoppable } from '../model.ts'
import { startLoop } from '../runtime/loop.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Channel } from './channel.ts'
import { createFinder, createLookUp, type LookUp } from './find-peers.ts'
import { type AgentIdentity, createIdentity } from './identity.ts'
import { deriveAccepted, type deriveKeys } from './keys.ts'
import { createMesh, type Mesh, type MeshOptions } from './mesh.ts'
import { dial, type RefusalReason, type SshListener, startListener } from './sockets.ts'
import { createSsh } from './ssh.ts'
import { createSyncMetrics } from './sync-metrics.ts'

export interface Sync extends Stoppable, Pick<Mesh, 'refresh' | 'flush' | 'peers'> {
  /** The port it listens on. */
  readonly port: number
  /** Whether every peer that was found has sent all it has, or can't be reached. Stays true. */
  isInitialSyncDone(): boolean
}

/** Who this agent is to its peers, and how they are found and reached. */
interface Transport {
  readonly identity: AgentIdentity
  find(signal: AbortSignal): Promise<readonly string[]>
  dial(address: string, signal: AbortSignal): Promise<Channel>
  listen(on: (channel: Channel) => void, refused: (reason: RefusalReason) => void): Promise<SshListener>
}

interface TransportOptions {
  readonly config: Pick<Config, 'sshPort' | 'peers' | 'previousSecret'> & { readonly secret: string }
  readonly clock: Clock
  /** The full name of the own Swarm service. */
  readonly service: () => string | undefined
  /** For tests: another way to look names up, and keys that are derived once for many agents. */
  readonly lookUp?: LookUp
  readonly derive?: typeof deriveKeys
}

/** Over SSH. */
export async function openTransport(options: TransportOptions): Promise<Transport> {
  const { config, clock, service, lookUp = createLookUp(clock) } = options
  const ssh = createSsh(await deriveAccepted(config, options.derive))
  const peerNames = () => ({ service: service(), sshPort: config.sshPort, peers: config.peers })
  return {
    identity: createIdentity(),
    find: createFinder(peerNames, lookUp),
    dial: (address, signal) => dial(address, ssh, clock, signal),
    listen: (on, refused) => startListener({ clock, ssh, port: config.sshPort, on, refused }),
  }
}

interface SyncOptions
  extends Pick<MeshOptions, 'clock' | 'log' | 'version' | 'store' | 'refreshOwn' | 'rereadManagers'> {
  readonly config: Pick<Config, 'maxBodyBytes'>
  readonly metrics: Metrics
  readonly transport: Transport
}

const findIntervalMs = 5000
/** After a start, since Swarm's DNS may be empty at first: a rolling update doesn't wait until the peers are found. */
const firstFindIntervalMs = 1000
/** A peer that is found and sends nothing is not waited for any longer. */
const initialSyncTimeoutMs = 15_000

export async function startSync({ config, metrics, transport, ...deps }: SyncOptions): Promise<Sync> {
  const { clock, log } = deps
  const startedAt = clock.now()
  const syncMetrics = createSyncMetrics(metrics, () => mesh.peers())
  const mesh = createMesh({
    ...deps,
    identity: transport.identity,
    maxBodyBytes: config.maxBodyBytes,
    dial: transport.dial,
    onLost: () => finding.trigger(),
    counters: syncMetrics.counters,
  })
  const listener = await transport.listen(mesh.accept, syncMetrics.refused).catch(async (error) => {
    await mesh.stop()
    throw error
  })
  const isStarting = () => clock.now() - startedAt <= initialSyncTimeoutMs
  let isWarned = false
  const finding = startLoop(async (signal) => mesh.setAddresses(await transport.find(signal)), {
    clock,
    intervalMs: () => (isStarting() ? firstFindIntervalMs : findIntervalMs),
    onFailure: (error, inARow) => {
      if (isInternal(error)) log.internal(error, 'sync')
      if (inARow === 1) isWarned = false
      // Swarm's DNS has an agent only once it is healthy
      if (isStarting()) {
        if (inARow === 1) log.info({ ...failureOf(error) }, 'peers can’t be found yet')
      } else if (!isWarned) {
        isWarned = true
        log.warn({ ...failureOf(error) }, 'peers can’t be found')
      }
    },
  })
  let isInitialSyncDone = false

  return {
    port: listener.port,
    async refresh(node, id, timeoutMs) {
      const requestedAt = clock.now()
      await mesh.refresh(node, id, timeoutMs)
      syncMetrics.refreshed(clock.now() - requestedAt)
    },
    flush: mesh.flush,
    peers: mesh.peers,
    isInitialSyncDone() {
      isInitialSyncDone ||= mesh.isComplete() || !isStarting()
      return isInitialSyncDone
    },
    async stop() {
      await finding.stop()
      await mesh.stop()
      await listener.stop()
    },
  }
}
