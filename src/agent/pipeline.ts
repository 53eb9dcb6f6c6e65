// Decides what to probe and what to scrape on this node, anew for all targets whenever a target, its finding or its
// service's labels change.

import type { Clock } from '../clock.ts'
import { type Settings, settingsOf } from '../labels/settings.ts'
import {
  agentTarget,
  type Change,
  type Dated,
  type Entry,
  isStreamId,
  type NodeId,
  type Stoppable,
  type SwarmState,
  type Target,
} from '../model.ts'
import type { ScrapeJob } from '../scrape/scraper.ts'

/** Of this many scheduled scrapes of text, one is left while all clients take protobuf. */
const idleTextIntervals = 3

/** Changes come many at once, above all at the start: one decision for all that come within this time. */
const batchDelayMs = 5

interface PipelineDeps<Plan> {
  readonly clock: Clock
  readonly store: {
    markComplete(): void
    readonly own: { self(): { readonly node: NodeId }; entries(): Iterable<{ readonly entry: Entry }> }
  }
  readonly config: {
    readonly scrapeIntervalMs: number
    readonly scrapeTimeoutMs: number
    readonly maxAgeMs: number | 'off'
  }
  readonly settings: (target: Target) => Settings
  readonly planOf: (target: Target, settings: Settings) => Plan
  readonly probe: (plans: ReadonlyMap<string, Plan>) => void
  /** Reports again what was found in it before, if anything: the store has lost it. */
  readonly repeat: (id: string) => void
  readonly scrape: (jobs: ReadonlyMap<string, ScrapeJob>) => void
  /** Whether all clients of a target take protobuf. */
  readonly isTextIdle: (targetId: string) => boolean
  /** Whether every target has been probed once. */
  readonly isProbed: () => boolean
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
  /** Decides at once instead of a little later. */
  decideNow(): void
  /** Takes every change of the store. */
  changed(change: Change): void
}

export function startPipeline<Plan>(deps: PipelineDeps<Plan>): Pipeline {
  const { clock, store, settings } = deps
  let cancel: (() => void) | undefined
  let isStopped = false

  function decide(): void {
    cancel = undefined
    const running = [...store.own.entries()].map(({ entry }) => entry).filter(({ ended }) => !ended)
    const containers = running.filter(({ target }) => target.id !== agentTarget && !isStreamId(target.id))
    deps.probe(new Map(containers.map(({ target }) => [target.id, deps.planOf(target, settings(target))])))
    for (const { target, finding } of containers) if (finding.kind === 'searching') deps.repeat(target.id)
    deps.scrape(new Map(running.flatMap((entry) => jobOf(entry, deps))))
    if (deps.isProbed()) store.markComplete()
  }

  return {
    decideNow() {
      cancel?.()
      if (!isStopped) decide()
    },
    changed(change) {
      if (isStopped) return
      if (matters(change, store.own.self().node)) cancel ??= clock.after(batchDelayMs, decide)
    },
    async stop() {
      isStopped = true
      cancel?.()
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
  { config, settings, isTextIdle }: PipelineDeps<Plan>,
): [string, ScrapeJob][] {
  if (finding.kind !== 'found') return []
  const wishes = settings(target)
  const intervalMs = wishes.intervalMs?.value ?? config.scrapeIntervalMs
  const timeoutMs = Math.min(intervalMs, wishes.timeoutMs?.value ?? config.scrapeTimeoutMs)
  // clients that are served from the cache make no requests here
  const isCacheServed = (wishes.maxAgeMs?.value ?? config.maxAgeMs) === 'off'
  const isIdle = !isCacheServed && isTextIdle(target.id)
  const readAt = snapshot && { readAt: snapshot.at + snapshot.durationMs }
  const pauseMs = isIdle ? idleTextIntervals * intervalMs : intervalMs
  return [[target.id, { endpoint: finding.endpoint, intervalMs: pauseMs, timeoutMs, ...readAt }]]
}
