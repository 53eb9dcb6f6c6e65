// Keeps a manager's swarm state fresh. Tasks have no events of their own, so the lists are read after each event of a
// service or node, every 2 s while Swarm is changing services or may be about to, and every 30 s anyway.

import { type Clock, deadline } from '../clock.ts'
import { type Failure, failureOf, isInternal } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Mono, Stoppable, SwarmState } from '../model.ts'
import { startLoop } from '../runtime/loop.ts'
import { abortOnFailure, type Engine } from './engine.ts'
import { isConverging, type SwarmLists, swarmStateOf } from './swarm-state.ts'
import { createTaskCounter, endedReadIntervalMs } from './task-counts.ts'

export interface SwarmWatch extends Stoppable {
  /** Reads now, and often for a while: something in the Swarm has changed. */
  readNow(): void
  /** Why the last reading failed. */
  failure(): Failure | undefined
}

interface SwarmWatchDeps {
  readonly clock: Clock
  readonly log: Pick<Log, 'internal'>
  readonly engine: Engine
  readonly allowedLabels: readonly string[]
  /** The Swarm's id while this node is a manager; undefined: nothing is read. */
  readonly swarmId: () => string | undefined
  /** The newest from any manager. */
  readonly swarmState: () => SwarmState | undefined
  /** After each successful reading, changed or not; `readAt` is when it started. */
  readonly onSwarmState: (swarmState: SwarmState, readAt: Mono) => void
}

const readIntervalMs = 30_000
const busyReadIntervalMs = 2_000
/** So long after an event, its consequences may still be to come. */
const busyMs = 10_000
const readTimeoutMs = 10_000

export function watchSwarm(deps: SwarmWatchDeps): SwarmWatch {
  const { clock, log, engine, allowedLabels } = deps
  let failure: Failure | undefined
  let busyUntil: Mono = clock.now()
  let cancelNext = () => {}

  const counter = createTaskCounter(clock, deps.swarmState)

  async function readLists(signal: AbortSignal): Promise<SwarmLists> {
    using limited = deadline(clock, readTimeoutMs, signal)
    const [services, tasks] = await abortOnFailure(limited, (each) =>
      Promise.all([engine.services(each), engine.tasks(each)]),
    )
    // last: where a task has moved, the node that it left shows why
    return { services, tasks, nodes: await engine.nodes(limited) }
  }
  async function countTasks(swarmId: string, lists: SwarmLists, signal: AbortSignal): Promise<void> {
    if (!counter.isDue(swarmId)) return
    using limited = deadline(clock, readTimeoutMs, signal)
    counter.add(swarmId, lists, await engine.endedTasks(limited))
  }
  async function read(signal: AbortSignal): Promise<void> {
    cancelNext()
    const [swarmId, readAt] = [deps.swarmId(), clock.now()]
    const lists = swarmId === undefined ? undefined : await readLists(signal)
    if (lists) await countTasks(swarmId!, lists, signal)
    failure = undefined
    if (!lists) return
    deps.onSwarmState(swarmStateOf(swarmId!, lists, { allowedLabels, counts: counter.counts() }), readAt)
    const isBusy = isConverging(lists) || clock.now() < busyUntil
    if (isBusy || counter.isRising())
      cancelNext = clock.after(isBusy ? busyReadIntervalMs : endedReadIntervalMs, loop.trigger)
  }
  const loop = startLoop(read, {
    clock,
    intervalMs: readIntervalMs,
    backoff: { minMs: 1_000, maxMs: 30_000 },
    onFailure(error) {
      failure = failureOf(error)
      if (isInternal(error)) log.internal(error, 'discovery')
    },
  })
  return {
    readNow() {
      busyUntil = clock.now() + busyMs
      loop.trigger()
    },
    failure: () => failure,
    async stop() {
      await loop.stop()
      cancelNext()
    },
  }
}
