// Decides what to probe and what to scrape on this node, anew for all targets whenever a target, its probe result or its
// service's labels change. These labels also decide which endpoints a container has, each of which is a target.
//
// It alone gives the scraper its jobs. A job is of the entry's present endpoint at any time: it is removed before the
// change that gives the entry another one returns, so nothing of the former one is stored afterwards.

import type { Clock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { type EndpointSettings, endpointSettings, type Settings, settingsOf } from '../labels/settings.ts'
import {
  agentTarget,
  type Change,
  type Entry,
  endpointId,
  endpointNumberOf,
  isProtobufStreamId,
  type NodeId,
  type Stoppable,
  type SwarmState,
  type Target,
  type WithAge,
} from '../model.ts'
import { planOf } from '../probe/plan.ts'
import type { Prober } from '../probe/prober.ts'
import type { Scraper, ScrapeSpec } from '../scrape/scraper.ts'
import type { Store } from '../store/store.ts'

/** Of this many scheduled scrapes of text, one is left while all clients take protobuf. */
const idleTextIntervals = 3

/** Changes come many at once, above all at the start: one decision for all that come within this time. */
const batchDelayMs = 5

interface PipelineDeps {
  readonly clock: Clock
  readonly store: Pick<Store, 'replaceTargets' | 'markComplete' | 'ownNode'>
  readonly config: Pick<Config, 'scrapeIntervalMs' | 'scrapeTimeoutMs' | 'maxAgeMs' | 'metricsPath' | 'ports'>
  readonly settings: TargetSettings
  readonly prober: Pick<Prober, 'update' | 'republish' | 'isInitialPassDone'>
  readonly scraper: Pick<Scraper, 'update' | 'remove' | 'scrapeNow'>
  /** Whether all clients of a target take protobuf. */
  readonly isTextIdle: (targetId: string) => boolean
}

/** By a container's own labels and, through the swarm state, those of its service. */
interface TargetSettings {
  ofContainer(target: Target): Settings
  /** Those of the first endpoint where there is no such endpoint any more. */
  ofEndpoint(target: Target): EndpointSettings
}

export function createSettings(swarmState: () => WithAge<SwarmState> | undefined): TargetSettings {
  function ofContainer({ labels, place }: Target): Settings {
    const service = 'serviceId' in place ? swarmState()?.value.services.get(place.serviceId) : undefined
    return settingsOf(labels, service?.labels)
  }
  return {
    ofContainer,
    ofEndpoint(target) {
      const settings = ofContainer(target)
      return endpointSettings(settings, endpointNumberOf(target.id)) ?? settings
    },
  }
}

export interface Pipeline extends Stoppable {
  /** All containers of this node: each of their endpoints becomes a target in the store. */
  replaceContainers(containers: readonly Target[]): void
  /** Decides at once instead of a little later. */
  updateNow(): void
  /** Takes every change of the store, before the write returns. */
  changed(change: Change): void
  /** Decides what is undecided, then scrapes: never an address that the target no longer has. Else as the scraper's. */
  scrapeNow(id: string, timeoutMs: number): Promise<void>
}

export function startPipeline(deps: PipelineDeps): Pipeline {
  const { clock, store, config, settings, prober, scraper } = deps
  let containers: readonly Target[] = []
  /** Whether the swarm state is another one since the targets were made. */
  let isOutdated = false
  let cancel: (() => void) | undefined
  let isStopped = false

  function replaceTargets(): void {
    isOutdated = false
    store.replaceTargets(containers.flatMap((one) => endpointsOf(one, settings.ofContainer(one))))
  }

  const running = () =>
    Array.from(store.ownNode.entries(), ({ entry }) => entry).filter(({ ended }) => !ended)

  function update(): void {
    if (isOutdated) replaceTargets()
    cancel = undefined
    const probed = running().filter(
      ({ target }) => target.id !== agentTarget && !isProtobufStreamId(target.id),
    )
    prober.update(
      new Map(probed.map(({ target }) => [target.id, planOf(target, settings.ofContainer(target), config)])),
    )
    for (const { target, probeResult } of probed)
      if (probeResult.kind === 'searching') prober.republish(target.id)
    // the prober may have changed entries
    scraper.update(new Map(running().flatMap((entry) => scrapeSpecOf(entry, deps))))
    if (prober.isInitialPassDone()) store.markComplete()
  }

  function updateNow(): void {
    cancel?.()
    if (!isStopped) update()
  }

  function endJob(change: Change): void {
    if (change.kind === 'deleted') scraper.remove(change.id, 'gone')
    if (change.kind !== 'entry' || !change.before) return
    const { entry, before } = change
    if (scrapedUrl(before) !== scrapedUrl(entry))
      scraper.remove(entry.target.id, entry.ended ? 'gone' : 'moved')
  }

  return {
    replaceContainers(next) {
      containers = next
      replaceTargets()
    },
    updateNow,
    changed(change) {
      if (isStopped) return
      isOutdated ||= change.kind === 'swarmState'
      if (!matters(change, store.ownNode.self().node)) return
      endJob(change)
      cancel ??= clock.after(batchDelayMs, update)
    },
    scrapeNow(id, timeoutMs) {
      if (cancel) updateNow()
      return scraper.scrapeNow(id, timeoutMs)
    },
    async stop() {
      isStopped = true
      cancel?.()
    },
  }
}

function endpointsOf(container: Target, { endpoints }: Settings): readonly Target[] {
  return [1, ...endpoints.keys()].map((number) => ({ ...container, id: endpointId(container.id, number) }))
}

function matters(change: Change, node: NodeId): boolean {
  if (change.kind === 'deleted') return change.owner === node
  if (change.kind !== 'entry') return change.kind === 'swarmState'
  const { entry, before } = change
  if (entry.owner !== node) return false
  return (
    before?.target !== entry.target ||
    before.probeResult !== entry.probeResult ||
    before.ended !== entry.ended
  )
}

function scrapedUrl({ probeResult, ended }: Entry): string | undefined {
  return probeResult.kind === 'found' && !ended ? probeResult.endpoint.url : undefined
}

function scrapeSpecOf(
  { target, probeResult, snapshot }: Entry,
  { config, settings, isTextIdle }: PipelineDeps,
): [string, ScrapeSpec][] {
  if (probeResult.kind !== 'found') return []
  const configured = settings.ofEndpoint(target)
  const intervalMs = configured.intervalMs?.value ?? config.scrapeIntervalMs
  const timeoutMs = Math.min(intervalMs, configured.timeoutMs?.value ?? config.scrapeTimeoutMs)
  // clients that are served from the cache make no requests here
  const isCacheServed = (configured.maxAgeMs?.value ?? config.maxAgeMs) === 'off'
  const isIdle = !isCacheServed && isTextIdle(target.id)
  const readAt = snapshot?.ok && { readAt: snapshot.at + snapshot.durationMs }
  const pauseMs = isIdle ? idleTextIntervals * intervalMs : intervalMs
  return [[target.id, { endpoint: probeResult.endpoint, intervalMs: pauseMs, timeoutMs, ...readAt }]]
}
