// The store's own side: what runs on this node. One writer: this agent.

import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.ts'
import type { Change, Entry, Finding, NodeId, Snapshot, SwarmState, Target } from '../model.ts'
import { remember } from './history.ts'
import { isMissed } from './lasting.ts'
import { ownedBy } from './merge.ts'

/** An own entry with the numbers of its two parts, which rise with each change of any part of any entry. */
export interface Versioned {
  readonly entry: Entry
  /** Of target, finding, endpoint, ended. */
  readonly listing: number
  /** Of the snapshot; 0: none yet. */
  readonly snapshot: number
  /** The number of its first listing: another one if the container comes back under the same id. */
  readonly generation: number
}

export interface OwnSide {
  replaceTargets(targets: readonly Target[]): void
  putFinding(id: string, finding: Finding): void
  putSnapshot(id: string, snapshot: Snapshot): void
  /** Lets go of what has ended and is missed no longer. */
  sweep(): void
  /** The owner has another id: all that was found stays, under that. */
  rename(): void
  readonly entries: ReadonlyMap<string, Versioned>
}

interface Context {
  readonly clock: Clock
  readonly forgetAfterMs: number
  readonly owner: () => NodeId
  readonly swarmState: () => SwarmState | undefined
  readonly tell: (change: Change) => void
}

export function createOwnSide({ clock, forgetAfterMs, owner, swarmState, tell }: Context): OwnSide {
  const entries = new Map<string, Versioned>()
  let sequence = 0

  function put(entry: Entry, part: 'listing' | 'snapshot'): void {
    const { id } = entry.target
    const before = entries.get(id)
    sequence += 1
    entries.set(id, {
      entry,
      listing: part === 'listing' ? sequence : (before?.listing ?? 0),
      snapshot: part === 'snapshot' ? sequence : (before?.snapshot ?? 0),
      generation: before?.generation ?? sequence,
    })
    tell({ kind: 'entry', entry, ...(before && { before: before.entry }) })
  }

  function drop({ owner, target: { id } }: Entry): void {
    entries.delete(id)
    tell({ kind: 'gone', owner, id })
  }

  function seen(target: Target): void {
    const before = entries.get(target.id)?.entry
    if (target.state === 'stopped') {
      if (before) end(before, target, false)
      return
    }
    if (before && !before.ended && isDeepStrictEqual(before.target, target)) return
    const { ended, ...going } = before ?? fresh(owner(), target)
    put({ ...going, target }, 'listing')
  }

  function end(entry: Entry, target: Target, removed: boolean): void {
    const exitCode = target.exitCode ?? entry.ended?.exitCode
    const ended = {
      at: entry.ended?.at ?? clock.now(),
      ...(exitCode !== undefined && { exitCode }),
      removed,
    }
    if (!lasts(entry, ended)) drop(entry)
    else if (!isDeepStrictEqual([entry.ended, entry.target], [ended, target]))
      put({ ...entry, target, ended }, 'listing')
  }

  function lasts(entry: Entry, ended: NonNullable<Entry['ended']>): boolean {
    return clock.now() - ended.at < forgetAfterMs && isMissed(entry, ended, swarmState())
  }

  return {
    entries,
    replaceTargets(targets) {
      const present = new Set(targets.map(({ id }) => id))
      for (const { entry } of [...entries.values()])
        if (!present.has(entry.target.id)) end(entry, { ...entry.target, state: 'stopped' }, true)
      for (const target of targets) seen(target)
    },
    putFinding(id, finding) {
      const entry = entries.get(id)?.entry
      if (!entry || isDeepStrictEqual(entry.finding, finding)) return
      const endpoint = finding.kind === 'found' ? finding.endpoint : entry.endpoint
      put({ ...entry, finding, ...(endpoint && { endpoint }) }, 'listing')
    },
    putSnapshot(id, snapshot) {
      const entry = entries.get(id)?.entry
      if (!entry) return
      put({ ...entry, snapshot, history: remember(entry.history, snapshot) }, 'snapshot')
    },
    sweep() {
      for (const { entry } of [...entries.values()])
        if (entry.ended && !lasts(entry, entry.ended)) drop(entry)
    },
    rename() {
      for (const { entry } of [...entries.values()]) {
        put(ownedBy(owner(), entry), 'listing')
        tell({ kind: 'gone', owner: entry.owner, id: entry.target.id })
      }
    },
  }
}

function fresh(owner: NodeId, target: Target): Entry {
  return { owner, target, finding: { kind: 'searching' }, history: [] }
}
