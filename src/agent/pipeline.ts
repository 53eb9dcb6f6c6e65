// What is to be done about this node's targets: which ports to try, what to read and how often. Decided as a
// whole whenever a target, what was found in it, or its service's labels have changed.

import type { Clock } from '../clock.ts'
import { type Settings, settingsOf } from '../labels/settings.ts'
import {
  agentTarget,
  type Change,
  type Dated,
  type Endpoint,
  type Entry,
  type Mono,
  type NodeId,
  type Stoppable,
  type SwarmState,
  type Target,
} from '../model.ts'

interface Job {
  readonly endpoint: Endpoint
  readonly interval: number
  readonly timeout: number
  /** When it was last read to the end. */
  readonly read?: Mono
}

/** Changes come in swarms, above all at the start: they are waited for this long, for one decision on all. */
const gather = 5

interface Steered<Plan> {
  readonly clock: Clock
  readonly store: {
    entries(): Iterable<Entry>
    markWhole(): void
    readonly own: { self(): { readonly node: NodeId } }
  }
  readonly config: { readonly scrapeIntervalMs: number; readonly scrapeTimeoutMs: number }
  readonly settings: (target: Target) => Settings
  readonly planOf: (target: Target, settings: Settings) => Plan
  readonly probe: (plans: ReadonlyMap<string, Plan>) => void
  /** Asks for what was found in it before, if anything was: the store has nothing. */
  readonly repeat: (id: string) => void
  readonly scrape: (jobs: ReadonlyMap<string, Job>) => void
  /** Whether every target has been looked at once. */
  readonly settled: () => boolean
}

/** A container's own labels and, through the swarm state, those of its service. */
export function createSettings(
  swarmState: () => Dated<SwarmState> | undefined,
): (target: Target) => Settings {
  return ({ labels, place }) => {
    const service = 'serviceId' in place ? swarmState()?.value.services.get(place.serviceId) : undefined
    return settingsOf(labels, service?.labels)
  }
}

export interface Pipeline extends Stoppable {
  /** To be told of every change of the store. */
  changed(change: Change): void
}

export function startPipeline<Plan>(deps: Steered<Plan>): Pipeline {
  const { clock, store, settings } = deps
  let cancel: (() => void) | undefined

  function decide(): void {
    cancel = undefined
    const node = store.own.self().node
    const running = [...store.entries()].filter(({ owner, ended }) => owner === node && !ended)
    const containers = running.filter(({ target }) => target.id !== agentTarget)
    deps.probe(new Map(containers.map(({ target }) => [target.id, deps.planOf(target, settings(target))])))
    for (const { target, finding } of containers) if (finding.kind === 'searching') deps.repeat(target.id)
    deps.scrape(new Map(running.flatMap((entry) => jobOf(entry, deps))))
    if (deps.settled()) store.markWhole()
  }

  return {
    changed(change) {
      if (matters(change, store.own.self().node)) cancel ??= clock.after(gather, decide)
    },
    async stop() {
      cancel?.()
      // what still comes is decided upon no more
      cancel = () => {}
    },
  }
}

function matters(change: Change, node: NodeId): boolean {
  if (change.kind === 'gone') return change.owner === node
  if (change.kind !== 'entry') return change.kind === 'swarmState'
  const { entry, before } = change
  if (entry.owner !== node) return false
  return before?.target !== entry.target || before.finding !== entry.finding || before.ended !== entry.ended
}

function jobOf<Plan>(
  { target, finding, snapshot }: Entry,
  { config, settings }: Steered<Plan>,
): [string, Job][] {
  if (finding.kind !== 'found') return []
  const wishes = settings(target)
  const interval = wishes.interval?.value ?? config.scrapeIntervalMs
  const timeout = Math.min(interval, wishes.timeout?.value ?? config.scrapeTimeoutMs)
  return [
    [
      target.id,
      {
        endpoint: finding.endpoint,
        interval,
        timeout,
        ...(snapshot && { read: snapshot.at + snapshot.durationMs }),
      },
    ],
  ]
}
