// Keeps the status of every target as ready JSON, so that an answer costs what changed and not what exists.
// While nobody looks, no more is done than to note what changes: each ask compares those entries of the store, which
// are immutable, by identity, or all where too much has changed.

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import type { Entry, NodeId, Target } from '../../model.ts'
import { isOf, joinRows, type Row, renew, rowOf } from './row.ts'
import { type Head, headOf, headText, type StatusView, surroundingsOf, unknownOwner } from './status.ts'
import { keyOf, type Surroundings, type Unix } from './target.ts'

export interface Board {
  /** Takes in what changed. All else tells what the last look found. */
  look(): Head
  /** The name of this state of things. Never one that another start of the agent gave. */
  sequence(): string
  /** The JSON of all, or of what changed since `since`; a name that isn't known any more brings all. */
  print(since?: string): Buffer
  around(owner: NodeId): Surroundings
}

const mostGone = 10_000
/** Where more have changed, going through all costs no more. */
const mostStirred = 5000

interface Stirred {
  readonly owner: NodeId
  readonly id: string
}

export function createBoard(view: StatusView, clock: Clock, unix: Unix): Board {
  const start = randomBytes(6).toString('base64url')
  const rows = new Map<string, Row>()
  /** The way to a row that needs no key to be put together. */
  const byTarget = new WeakMap<Target, Row>()
  /** When each key went, oldest first. Bounded: who last asked before `oldest` gets all. */
  const gone = new Map<string, number>()
  let oldest = 0
  let count = 0
  let looks = 0
  let head = ''
  let around: ReadonlyMap<NodeId, Surroundings> = new Map()
  /** What has changed since the last look; undefined: it may be anything. */
  let stirred: Map<string, Stirred> | undefined
  view.subscribe((change) => {
    if (change.kind === 'entry') stir(change.entry.owner, change.entry.target.id)
    else if (change.kind === 'gone') stir(change.owner, change.id)
    else stirred = undefined
  })

  function stir(owner: NodeId, id: string): void {
    if (stirred && stirred.size < mostStirred) stirred.set(keyOf(owner, id), { owner, id })
    else stirred = undefined
  }

  /** Counts one step up if anything changed. */
  function look(): Head {
    const next = count + 1
    const found = headOf(view, unix)
    const text = headText(found)
    const isChanged = stirred ? lookAtSome(stirred, next) : lookAtAll(found, next)
    stirred = new Map()
    if (isChanged || text !== head) count = next
    head = text
    return found
  }

  /** Whether any of them is told anew, or not any more. */
  function lookAtSome(some: ReadonlyMap<string, Stirred>, next: number): boolean {
    let changed = false
    for (const [key, { owner, id }] of some) {
      const entry = view.entry(owner, id)
      if (entry ? lookAt(entry, next).changed === next : drop(key, next)) changed = true
    }
    forgetGone()
    return changed
  }

  /** The same of all targets. */
  function lookAtAll({ nodes }: Head, next: number): boolean {
    looks += 1
    around = keepSame(around, surroundingsOf(nodes, view.catalogue()?.value))
    const { changed, seen } = lookAtEntries(next)
    const isLess = seen < rows.size
    if (isLess) dropMissing(next)
    return changed || isLess
  }

  function lookAtEntries(next: number): { readonly changed: boolean; readonly seen: number } {
    let changed = false
    let seen = 0
    for (const entry of view.entries()) {
      const row = lookAt(entry, next)
      row.seen = looks
      if (row.changed === next) changed = true
      seen += 1
    }
    return { changed, seen }
  }

  function lookAt(entry: Entry, next: number): Row {
    const here = aroundOf(entry.owner)
    const row = byTarget.get(entry.target) ?? rows.get(keyOf(entry.owner, entry.target.id))
    if (!row) return add(entry, here, next)
    if (isOf(row, entry, here)) return row
    if (row.target !== entry.target) {
      byTarget.delete(row.target)
      byTarget.set(entry.target, row)
    }
    if (renew(row, entry, here, unix)) row.changed = next
    return row
  }

  function add(entry: Entry, here: Surroundings, next: number): Row {
    const row = rowOf(entry, here, unix)
    row.changed = next
    rows.set(row.key, row)
    byTarget.set(entry.target, row)
    gone.delete(row.key)
    return row
  }

  function dropMissing(next: number): void {
    for (const [key, { seen }] of rows) if (seen !== looks) drop(key, next)
    forgetGone()
  }

  /** Whether it was told before. */
  function drop(key: string, next: number): boolean {
    const row = rows.get(key)
    if (!row) return false
    rows.delete(key)
    byTarget.delete(row.target)
    gone.set(key, next)
    return true
  }

  function forgetGone(): void {
    for (const [key, at] of gone) {
      if (gone.size <= mostGone) break
      gone.delete(key)
      oldest = at
    }
  }

  /** The count that `since` names, if all that happened afterwards is known. */
  function countOf(since: string | undefined): number | undefined {
    const [of, number] = since?.split('.') ?? []
    const value = of === start && /^\d{1,15}$/.test(number ?? '') ? Number(number) : Number.NaN
    return value >= oldest && value <= count ? value : undefined
  }

  const aroundOf = (owner: NodeId) => around.get(owner) ?? unknownOwner(owner)
  const name = () => `${start}.${count}`

  return {
    look,
    sequence: name,
    print(since) {
      const after = countOf(since)
      const shown: Row[] = []
      for (const row of rows.values()) if (row.changed > (after ?? -1)) shown.push(row)
      const left = after === undefined ? [] : [...gone].filter(([, at]) => at > after).map(([key]) => key)
      const first = `{"time":${unix(clock.now())},"sequence":"${name()}","partial":${after !== undefined},${head},`
      return joinRows(`${first}"targets":[`, shown, `],"gone":${JSON.stringify(left)}}`)
    },
    around: aroundOf,
  }
}

/** Each object that didn't change, as it was: rows compare it by identity. */
function keepSame(
  before: ReadonlyMap<NodeId, Surroundings>,
  now: ReadonlyMap<NodeId, Surroundings>,
): ReadonlyMap<NodeId, Surroundings> {
  return new Map(
    [...now].map(([owner, fresh]) => {
      const old = before.get(owner)
      return [owner, old && same(old, fresh) ? old : fresh]
    }),
  )
}

function same(a: Surroundings, b: Surroundings): boolean {
  return a.node === b.node && a.pathNode === b.pathNode && a.lost === b.lost && a.services === b.services
}
