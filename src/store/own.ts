// The store's own side: what runs on this node. One writer: this agent.

import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.ts'
import type { Catalogue, Change, Entry, Finding, NodeId, Snapshot, Target } from '../model.ts'
import { remember } from './history.ts'
import { isMissed } from './lasting.ts'
import { ownedBy } from './merge.ts'

/** An own entry with the numbers of its two parts, by which peers tell new from old. */
export interface Versioned {
  readonly entry: Entry
  /** Target, finding, endpoint, ended. */
  readonly directory: number
  /** The snapshot; 0: none yet. */
  readonly page: number
  /** The number of its first listing: what is numbered lower is of an earlier life of the same container. */
  readonly born: number
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
  readonly forgetAfter: number
  readonly owner: () => NodeId
  readonly catalogue: () => Catalogue | undefined
  readonly tell: (change: Change) => void
}

export function createOwnSide({ clock, forgetAfter, owner, catalogue, tell }: Context): OwnSide {
  const entries = new Map<string, Versioned>()
  let sequence = 0

  function put(entry: Entry, parts: { directory?: true; page?: true }): void {
    const { id } = entry.target
    const before = entries.get(id)
    sequence += 1
    entries.set(id, {
      entry,
      directory: parts.directory ? sequence : (before?.directory ?? 0),
      page: parts.page ? sequence : (before?.page ?? 0),
      born: before?.born ?? sequence,
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
    put({ ...going, target }, { directory: true })
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
      put({ ...entry, target, ended }, { directory: true })
  }

  function lasts(entry: Entry, ended: NonNullable<Entry['ended']>): boolean {
    return clock.now() - ended.at < forgetAfter && isMissed(entry, ended, catalogue())
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
      put({ ...entry, finding, ...(endpoint && { endpoint }) }, { directory: true })
    },
    putSnapshot(id, snapshot) {
      const entry = entries.get(id)?.entry
      if (!entry) return
      put({ ...entry, snapshot, history: remember(entry.history, snapshot) }, { page: true })
    },
    sweep() {
      for (const { entry } of [...entries.values()])
        if (entry.ended && !lasts(entry, entry.ended)) drop(entry)
    },
    rename() {
      for (const { entry } of [...entries.values()]) {
        put(ownedBy(owner(), entry), { directory: true })
        tell({ kind: 'gone', owner: entry.owner, id: entry.target.id })
      }
    },
  }
}

function fresh(owner: NodeId, target: Target): Entry {
  return { owner, target, finding: { kind: 'searching' }, history: [] }
}
