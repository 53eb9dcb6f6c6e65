// The entries of this node. Written by this agent alone.
//
// An entry lives from the first listing of its target. Once the container has stopped or was removed, the entry has
// `ended` for as long as it should be running, but no longer than `forgetAfterMs`, and is then dropped. A container
// that starts again within that time has its entry back, without its metrics, as has one whose endpoint has another URL.
// The entries of a container's endpoints stay together, but for one that labels no longer configure, which is dropped at
// once.

import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.ts'
import type { Failure } from '../errors.ts'
import {
  type Change,
  containerIdOf,
  type Entry,
  endpointId,
  endpointNumbers,
  heldBytes,
  isProtobufStreamId,
  type MetricsPage,
  type NodeId,
  type ProbeResult,
  type Snapshot,
  type SwarmState,
  streamId,
  type Target,
} from '../model.ts'
import { createPageBudget } from './page-budget.ts'
import { ownedBy, withoutSnapshot, withScrape } from './peer-record.ts'

/** An own entry with the numbers of its two parts, which rise with each change of any part of any entry. */
export interface Versioned {
  readonly entry: Entry
  /** Of target, probe result, endpoint, ended. */
  readonly listingNumber: number
  /** Of the snapshot; 0: none yet. */
  readonly snapshotNumber: number
  /** The number of its first listing: another one if the container has ended and comes back, or its endpoint moves. */
  readonly generation: number
  /** The newest page: kept, and counted, while the target fails, since the next delta for peers builds on it. */
  readonly page?: MetricsPage
}

export interface OwnWrites {
  /** All of this node's targets. What isn't among them is dropped, or has `ended` as long as it should be running. */
  replaceTargets(targets: readonly Target[]): void
  /** Ignored for a target that is gone, as is a snapshot. */
  putProbeResult(id: string, probeResult: ProbeResult): void
  /**
   * Returns what was stored: a failure if there is no room for the page. `unpacked`, the body of a page that is kept as
   * gzip, is passed to listeners and not kept.
   */
  putSnapshot(id: string, snapshot: Snapshot, unpacked?: Uint8Array): Snapshot
  /** Adds the protobuf stream of a target: an entry that follows the target's own, and is closed with it at the latest. */
  openStream(targetId: string): void
  closeStream(targetId: string): void
}

export interface OwnEntries extends OwnWrites {
  /** Drops the ended entries that need no longer be listed. */
  sweep(): void
  /** The node has another id: all entries stay, under that. */
  changeOwner(): void
  readonly entries: ReadonlyMap<string, Versioned>
}

interface OwnEntriesDeps {
  readonly clock: Clock
  readonly forgetAfterMs: number
  readonly owner: () => NodeId
  readonly swarmState: () => SwarmState | undefined
  readonly notify: (change: Change) => void
  /** How much memory all pages may take. */
  readonly maxPageBytes: number
}

export function createOwnEntries(deps: OwnEntriesDeps): OwnEntries {
  const { clock, forgetAfterMs, owner, swarmState, notify } = deps
  const entries = new Map<string, Versioned>()
  const budget = createPageBudget(deps.maxPageBytes)
  const startedAt = clock.now()
  let lastNumber = 0

  /**
   * In microseconds, so that a copy of this process, or this process after it was restored to an earlier state, doesn't give the
   * same number to something else.
   */
  function nextNumber(): number {
    lastNumber = Math.max(lastNumber + 1, Math.floor((clock.now() - startedAt) * 1000))
    return lastNumber
  }

  /** The one place where entries change, so that what their pages take is right. */
  function setVersioned(id: string, versioned: Versioned | undefined): void {
    budget.replace(pagesOf(entries.get(id)), pagesOf(versioned))
    if (versioned) entries.set(id, versioned)
    else entries.delete(id)
  }

  /** A snapshot is of the entry's endpoint, and of the container since its start: what was before says nothing now. */
  function put(next: Entry, part: 'listing' | 'snapshot', unpacked?: Uint8Array): void {
    const { id } = next.target
    const known = entries.get(id)
    const isRestarted = known?.entry.ended !== undefined && !next.ended
    const isOther = isRestarted || (known !== undefined && hasMoved(known.entry, next))
    const before = isOther ? undefined : known
    const entry = isOther ? withoutSnapshot(next) : next
    const number = nextNumber()
    const page = entry.snapshot?.ok ? entry.snapshot.page : before?.page
    setVersioned(id, {
      entry,
      listingNumber: part === 'listing' ? number : (before?.listingNumber ?? 0),
      snapshotNumber: part === 'snapshot' ? number : (before?.snapshotNumber ?? 0),
      generation: before?.generation ?? number,
      ...(page && { page }),
    })
    notify({ kind: 'entry', entry, ...(known && { before: known.entry }), ...(unpacked && { unpacked }) })
    const stream = part === 'listing' && entries.get(streamId(id, 'protobuf'))?.entry
    if (stream && !isProtobufStreamId(id)) put(protobufEntryOf(entry, stream), 'listing')
  }

  /** A page that has no room is a failure; the one before stays. */
  function withinBudget(known: Versioned, snapshot: Snapshot): Snapshot {
    if (!snapshot.ok || budget.hasRoom(heldBytes(snapshot.page), pagesOf(known))) return snapshot
    const { at, durationMs } = snapshot
    return { ok: false, at, durationMs, failure: noRoom }
  }

  function drop({ owner, target: { id } }: Entry): void {
    if (!isProtobufStreamId(id)) closeStream(id)
    setVersioned(id, undefined)
    notify({ kind: 'deleted', owner, id })
  }

  function closeStream(targetId: string): void {
    const stream = entries.get(streamId(targetId, 'protobuf'))
    if (stream) drop(stream.entry)
  }

  /** Without the streams, which follow them. */
  const ofTargets = () => [...entries.values()].filter(({ entry }) => !isProtobufStreamId(entry.target.id))

  function putTarget(target: Target): void {
    const before = entries.get(target.id)?.entry
    if (target.state === 'stopped') {
      if (before) end(before, target, false)
      return
    }
    if (before && !before.ended && isDeepStrictEqual(before.target, target)) return
    const { ended, ...running } = before ?? newEntry(owner(), target)
    put({ ...running, target }, 'listing')
  }

  function end(entry: Entry, target: Target, removed: boolean): void {
    const exitCode = target.exitCode ?? entry.ended?.exitCode
    const ended = {
      at: entry.ended?.at ?? clock.now(),
      ...(exitCode !== undefined && { exitCode }),
      removed,
    }
    if (!isKept(entry, ended)) drop(entry)
    else if (!isDeepStrictEqual([entry.ended, entry.target], [ended, target]))
      put({ ...entry, target, ended }, 'listing')
  }

  function isKept(entry: Entry, ended: NonNullable<Entry['ended']>): boolean {
    return (
      hadMetrics(containerIdOf(entry.target.id)) &&
      clock.now() - ended.at < forgetAfterMs &&
      isMissing(entry, ended, swarmState())
    )
  }

  /** One that never had any endpoint is not missing. */
  function hadMetrics(containerId: string): boolean {
    return endpointNumbers.some((number) => entries.get(endpointId(containerId, number))?.entry.endpoint)
  }

  return {
    entries,
    replaceTargets(targets) {
      const present = new Set(targets.map(({ id }) => id))
      for (const { entry } of ofTargets()) {
        const { target } = entry
        if (present.has(target.id)) continue
        if (present.has(containerIdOf(target.id))) drop(entry)
        else end(entry, { ...target, state: 'stopped' }, true)
      }
      for (const target of targets) putTarget(target)
    },
    putProbeResult(id, probeResult) {
      const entry = entries.get(id)?.entry
      if (!entry || isDeepStrictEqual(entry.probeResult, probeResult)) return
      const endpoint = probeResult.kind === 'found' ? probeResult.endpoint : entry.endpoint
      put({ ...entry, probeResult, ...(endpoint && { endpoint }) }, 'listing')
    },
    putSnapshot(id, scraped, unpacked) {
      const known = entries.get(id)
      if (!known) return scraped
      const snapshot = withinBudget(known, scraped)
      const history = withScrape(known.entry.history, snapshot)
      put({ ...known.entry, snapshot, history }, 'snapshot', snapshot.ok ? unpacked : undefined)
      return snapshot
    },
    openStream(targetId) {
      const entry = entries.get(targetId)?.entry
      if (entry) put(protobufEntryOf(entry), 'listing')
    },
    closeStream,
    sweep() {
      for (const { entry } of ofTargets()) if (entry.ended && !isKept(entry, entry.ended)) drop(entry)
    },
    changeOwner() {
      for (const { entry } of [...entries.values()]) {
        put(ownedBy(owner(), entry), 'listing')
        notify({ kind: 'deleted', owner: entry.owner, id: entry.target.id })
      }
    },
  }
}

const hasMoved = ({ endpoint }: Entry, next: Entry) =>
  endpoint !== undefined && endpoint.url !== next.endpoint?.url

const pagesOf = (versioned: Versioned | undefined) => (versioned?.page ? [versioned.page] : [])

const noRoom: Failure = {
  code: 'overloaded',
  reason: 'the metrics of this node’s containers together take too much memory',
  hint: 'raise the memory limit of the agent’s service, or let containers show less or send gzip',
}

/** The entry of a target's protobuf stream, with what was scraped before. */
function protobufEntryOf({ snapshot, ...entry }: Entry, before?: Entry): Entry {
  return {
    ...entry,
    target: { ...entry.target, id: streamId(entry.target.id, 'protobuf') },
    history: before?.history ?? [],
    ...(before?.snapshot && { snapshot: before.snapshot }),
  }
}

function newEntry(owner: NodeId, target: Target): Entry {
  return { owner, target, probeResult: { kind: 'searching' }, history: [] }
}

/**
 * Whether an ended container should be running, so that `up` has to be 0 and an alert can fire. A replica is missing as
 * long as its slot or node should run one, whatever its exit code: its successor may not have started yet. Without a
 * swarm state nobody knows: then exit code 0 is taken as meant.
 */
function isMissing(
  { owner, target }: Entry,
  ended: NonNullable<Entry['ended']>,
  swarmState: SwarmState | undefined,
): boolean {
  const { place } = target
  if (place.kind !== 'replicated' && place.kind !== 'global') return !ended.removed && ended.exitCode !== 0
  if (!swarmState) return ended.exitCode !== 0
  const service = swarmState.services.get(place.serviceId)
  if (!service || service.mode === 'job') return false
  return place.kind === 'replicated'
    ? service.slots.includes(place.slot)
    : swarmState.nodes.get(owner)?.availability === 'active'
}
