// Keeps a manager's swarm state fresh: after each event of a service or node, every two seconds while Swarm is
// at work or may soon be, and every half minute anyway. Tasks have no events of their own.

import { type Clock, deadline } from '../clock.ts'
import { isInternal, type Trouble, troubleOf } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Mono, SwarmState } from '../model.ts'
import { type Loop, startLoop } from '../runtime/loop.ts'
import type { Engine } from './engine.ts'
import { atWork, type SwarmLists, swarmStateOf } from './swarm-state.ts'

export interface SwarmStateWatch extends Loop {
  trouble(): Trouble | undefined
}

interface Deps {
  readonly clock: Clock
  readonly log: Pick<Log, 'internal'>
  readonly engine: Engine
  readonly allowedLabels: readonly string[]
  /** The Swarm's id while this node is a manager. */
  readonly cluster: () => string | undefined
}

const restlessPause = 2_000
/** So long after an event, what follows from it may still be to come. */
const aftermath = 10_000
const patience = 10_000

/**
 * `on` is told each good reading, the same or not, and when it began; `undefined` while this node is no manager.
 */
export function watchSwarmState(
  deps: Deps,
  on: (swarmState: SwarmState | undefined, readAt: Mono) => void,
): SwarmStateWatch {
  const { clock, log, engine, allowedLabels } = deps
  let trouble: Trouble | undefined
  let restlessUntil: Mono = clock.now()
  let cancelSooner = () => {}

  async function read(signal: AbortSignal): Promise<SwarmLists> {
    using limited = deadline(clock, patience, signal)
    const [services, tasks, nodes] = await Promise.all([
      engine.services(limited),
      engine.tasks(limited),
      engine.nodes(limited),
    ])
    return { services, tasks, nodes }
  }
  async function refresh(signal: AbortSignal): Promise<void> {
    cancelSooner()
    const [cluster, readAt] = [deps.cluster(), clock.now()]
    const lists = cluster === undefined ? undefined : await read(signal)
    trouble = undefined
    on(lists && swarmStateOf(cluster!, lists, allowedLabels), readAt)
    if (lists && (atWork(lists) || clock.now() < restlessUntil))
      cancelSooner = clock.after(restlessPause, loop.trigger)
  }
  const loop = startLoop(refresh, {
    clock,
    intervalMs: 30_000,
    backoff: { minMs: 1_000, maxMs: 30_000 },
    onFailure(error) {
      trouble = troubleOf(error)
      if (isInternal(error)) log.internal(error, 'discovery')
    },
  })
  return {
    trigger() {
      restlessUntil = clock.now() + aftermath
      loop.trigger()
    },
    trouble: () => trouble,
    async stop() {
      await loop.stop()
      cancelSooner()
    },
  }
}
