// Finds the containers of this node: Docker's lists and events (engine-watch.ts) become targets, this agent's identity
// and, on a manager, the swarm state (swarm-watch.ts). Only complete sets are passed on; a failed reading changes
// nothing.

import { existsSync } from 'node:fs'
import type { Clock } from '../clock.ts'
import { type Config, ConfigError } from '../config/config.ts'
import type { Failure } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Mono, NodeId, Self, Stoppable, SwarmState, Target, WithAge } from '../model.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { createContainerMetrics } from './container-metrics.ts'
import { openEngine } from './engine.ts'
import { SetupError } from './engine-errors.ts'
import { watchEngine } from './engine-watch.ts'
import type { NodeState } from './node-state.ts'
import { type ProcInfo, readProc } from './own-container.ts'
import { advertisedBy, nodeNameOf } from './self.ts'
import { watchSwarm } from './swarm-watch.ts'
import { staticTargets, targetsOf, watchedOf } from './targets.ts'
import { createTaskCheck } from './task-check.ts'

/** All that is known of the node. Passed on after each reading, changed or not. */
export interface Discovered {
  readonly self: Self
  readonly targets: readonly Target[]
  /** The Swarm's managers, as the local engine lists them. */
  readonly managers: ReadonlySet<NodeId>
  /** Only after it was read, as a manager: it still holds, changed or not. */
  readonly swarmState?: SwarmState
  /** When that reading started. */
  readonly swarmStateReadAt?: Mono
}

export interface DiscoveryStatus {
  /** Why what was passed on may be outdated, or why nothing was passed on yet: not ready. */
  readonly failure?: Failure
  /** What hides no container for longer than half a minute. */
  readonly warnings: readonly Failure[]
}

export interface Discovery extends Stoppable {
  status(): DiscoveryStatus
  /** Reads all of Docker now, and not only at the next resync. */
  readNow(): void
}

interface DiscoveryDeps {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** The newest from any manager of the Swarm. */
  readonly swarmState: () => WithAge<SwarmState> | undefined
  /** For tests: where the agent runs. */
  readonly proc?: ProcInfo
}

type OnDiscovered = (discovered: Discovered) => void

/**
 * Resolves after the first attempt to read Docker: by then, `onDiscovered` was called with the first set, or `status`
 * has the reason, and the attempts go on. Rejects if waiting cannot fix it.
 */
export async function startDiscovery(deps: DiscoveryDeps, onDiscovered: OnDiscovered): Promise<Discovery> {
  const { config } = deps
  const host = dockerHostOf(config, existsSync(defaultSocket))
  if (host !== undefined) return discoverWithDocker(host, deps, onDiscovered)
  const node = nodeNameOf(config)
  const self = { node, hostname: node, swarm: false, manager: false }
  onDiscovered({
    self: { ...self, advertise: advertisedBy(config, self) },
    targets: staticTargets(config.targets, node),
    managers: new Set(),
  })
  return { status: () => ({ warnings: [] }), readNow: () => {}, stop: async () => {} }
}

export const defaultSocket = '/var/run/docker.sock'

/** Undefined: without Docker, with `TARGETS` alone. */
export function dockerHostOf(
  { dockerHost, targets }: Pick<Config, 'dockerHost' | 'targets'>,
  hasSocket: boolean,
): string | undefined {
  if (dockerHost !== undefined) return dockerHost
  if (targets.length > 0) return undefined
  if (hasSocket) return `unix://${defaultSocket}`
  throw new ConfigError([
    `there is nothing to watch: no Docker socket at ${defaultSocket}, and neither DOCKER_HOST nor TARGETS is set; mount the socket into the container, or set one of them`,
  ])
}

async function discoverWithDocker(
  host: string,
  deps: DiscoveryDeps,
  onDiscovered: OnDiscovered,
): Promise<Discovery> {
  const { config, clock, log, metrics } = deps
  const engine = await openEngine(host)
  const proc = deps.proc ?? (await readProc())
  const containerMetrics = createContainerMetrics(metrics)
  let state: NodeState | undefined
  let limitWarnings: readonly Failure[] = []
  let discovered: Discovered | undefined

  const taskCheck = createTaskCheck(clock, deps.swarmState, () => passOn(state!))
  const swarmWatch = watchSwarm({
    ...{ clock, log, engine },
    allowedLabels: config.sdLabels,
    swarmId: () => state?.swarmId,
    swarmState: () => deps.swarmState()?.value,
    onSwarmState(swarmState, swarmStateReadAt) {
      // the node may have left that Swarm since, or be in another one already, as the list of nodes shows
      const isOwn = swarmState.swarmId === state?.swarmId && swarmState.nodes.has(state.self.node)
      if (discovered && isOwn) onDiscovered({ ...discovered, swarmState, swarmStateReadAt })
    },
  })

  function withRun(target: Target): Target {
    const container = state?.containers.get(target.id)
    const run = container && containerMetrics.runOf(container)
    return run ? { ...target, run } : target
  }
  function passOn(next: NodeState): void {
    const { self, managers } = next
    const isOtherSwarm = next.swarmId !== state?.swarmId
    const { targets, warnings } = targetsOf(next, self.node)
    state = next
    containerMetrics.list(watchedOf([...next.containers.values()]))
    limitWarnings = warnings
    discovered = {
      self,
      managers,
      targets: [...taskCheck.check(targets).map(withRun), ...staticTargets(config.targets, self.node)],
    }
    onDiscovered(discovered)
    if (isOtherSwarm) swarmWatch.readNow()
  }

  const engineWatch = await watchEngine({
    ...{ clock, log, metrics },
    source: { engine, proc, config },
    onState: passOn,
    onContainerEvent: containerMetrics.event,
    onSwarmEvent: swarmWatch.readNow,
  }).catch(async (error) => {
    await swarmWatch.stop()
    throw error instanceof SetupError ? new ConfigError([`${error.message}; ${error.hint}`]) : error
  })
  return {
    status() {
      const failure = engineWatch.failure()
      const warnings = [engineWatch.eventFailure(), swarmWatch.failure(), ...limitWarnings]
      return { ...(failure && { failure }), warnings: warnings.filter((one) => one !== undefined) }
    },
    readNow: engineWatch.readNow,
    async stop() {
      await Promise.all([engineWatch.stop(), swarmWatch.stop()])
      taskCheck.stop()
    },
  }
}
