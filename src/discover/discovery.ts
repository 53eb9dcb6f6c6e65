// The room's door: finds the containers of this node and hands on who we are, all targets and, on a
// manager, the swarm state. Whole sets only; the node only when something changed, the swarm state after each reading of it.

import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Clock } from '../clock.ts'
import { type Config, ConfigError } from '../config/config.ts'
import type { Trouble } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Stoppable } from '../model.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { advertisedBy } from './advertise.ts'
import { openEngine } from './engine.ts'
import { createHandover, type Found } from './handover.ts'
import { type Traces, tracesOfSelf } from './own-container.ts'
import type { Picture } from './picture.ts'
import { LastingError } from './refusal.ts'
import { staticTargets } from './static.ts'
import { watchSwarmState } from './swarm-state-watch.ts'
import { targetsOf } from './target.ts'
import { createTasks, type HeldSwarmState } from './tasks.ts'
import { watchEngine } from './watch.ts'

export interface Status {
  /** Why what was handed on may be out of date, or why nothing was yet: not ready. */
  readonly trouble?: Trouble
  /** What falls short but hides no container for longer than half a minute. */
  readonly warnings: readonly Trouble[]
  /** Since Docker was last read as a whole; absent before the first time and without Docker. */
  readonly age?: number
}

export interface Discovery extends Stoppable {
  status(): Status
}

interface Deps {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** The newest that any manager of the Swarm gave. */
  readonly swarmState: () => HeldSwarmState | undefined
  /** Which container the agent may run in. */
  readonly traces?: () => Promise<Traces>
}

/**
 * Resolves after the first attempt to read Docker: `on` has been told the first set by then, or `status`
 * says why not and the attempts go on. Rejects with what waiting can't fix.
 */
export async function startDiscovery(deps: Deps, on: (found: Found) => void): Promise<Discovery> {
  const { config } = deps
  const host = dockerHostOf(config, existsSync(defaultSocket))
  if (host !== undefined) return discoverWithDocker(host, deps, on)
  const self = { node: nodeName(config), hostname: nodeName(config), swarm: false, manager: false }
  const targets = staticTargets(config.targets, self.node)
  on({ self: { ...self, advertise: advertisedBy(config, self) }, targets, managers: new Set() })
  return { status: () => ({ warnings: [] }), stop: async () => {} }
}

export const defaultSocket = '/var/run/docker.sock'

/** Undefined: without Docker, on `TARGETS` alone. */
export function dockerHostOf(
  { dockerHost, targets }: Pick<Config, 'dockerHost' | 'targets'>,
  socketThere: boolean,
): string | undefined {
  if (dockerHost !== undefined) return dockerHost
  if (targets.length > 0) return undefined
  if (socketThere) return `unix://${defaultSocket}`
  throw new ConfigError([
    `there is nothing to watch: no Docker socket at ${defaultSocket}, and neither DOCKER_HOST nor TARGETS is set; mount the socket into the container, or set one of them`,
  ])
}

const nodeName = (config: Config) => config.nodeName ?? hostname()

async function discoverWithDocker(host: string, deps: Deps, on: (found: Found) => void): Promise<Discovery> {
  const { config, clock, log, metrics } = deps
  const engine = await openEngine(host)
  const handover = createHandover(on)
  let picture: Picture | undefined
  let limits: readonly Trouble[] = []
  let listed: Pick<Found, 'self' | 'targets' | 'managers'> | undefined
  const tasks = createTasks(clock, deps.swarmState, () => handOn())

  const swarmState = watchSwarmState(
    { clock, log, engine, allowedLabels: config.sdLabels, cluster: () => picture?.cluster },
    handover.swarmState,
  )
  function see(next: Picture): void {
    const moved = next.cluster !== picture?.cluster
    picture = next
    const { targets, warnings } = targetsOf(next, next.identity.node)
    limits = warnings
    const self = { ...next.identity, advertise: advertisedBy(config, next.identity) }
    listed = { self, targets, managers: next.managers }
    handOn()
    if (moved) swarmState.trigger()
  }
  function handOn(): void {
    const { self, targets, managers } = listed!
    const all = [...tasks.settle(targets), ...staticTargets(config.targets, self.node)]
    handover.node({ self, targets: all, managers })
  }
  const reading = {
    engine,
    traces: await (deps.traces ?? tracesOfSelf)(),
    allowedLabels: config.sdLabels,
    fallbackName: nodeName(config),
  }
  const listener = { picture: see, swarm: swarmState.trigger }
  const watch = await watchEngine({ clock, log, metrics, reading }, listener).catch(async (error) => {
    await swarmState.stop()
    throw error instanceof LastingError ? misconfigured(error) : error
  })
  return {
    status() {
      const [trouble, age] = [watch.trouble(), watch.age()]
      const warnings = [watch.deafness(), swarmState.trouble(), ...limits]
      return {
        ...(trouble && { trouble }),
        ...(age !== undefined && { age }),
        warnings: warnings.filter((one) => one !== undefined),
      }
    },
    async stop() {
      await Promise.all([watch.stop(), swarmState.stop()])
      tasks.stop()
    },
  }
}

const misconfigured = ({ message, hint }: LastingError) => new ConfigError([`${message}; ${hint}`])
