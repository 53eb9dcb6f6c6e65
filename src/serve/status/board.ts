// Keeps the status of every target as ready JSON, so that an answer costs what changed and not what exists.
// Nothing is done while nobody looks: each ask compares the store's entries, which are immutable, by identity.

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import type { Entry, NodeId } from '../../model.ts'
import { passingJson, type Told, tellHistory } from './passing.ts'
import { type Head, headOf, type StatusView, surroundingsOf, unknownOwner } from './status.ts'
import { groundsOf, keyOf, lastingOf, type Surroundings, type Unix } from './target.ts'

export interface Board {
  /** Takes in what changed. All else tells what the last look found. */
  look(): Head
  /** The name of this state of things. Never one that another start of the agent gave. */
  sequence(): string
  /** The JSON of all, or of what changed since `since`; a name that isn't known any more brings all. */
  print(since?: string): Buffer
  around(owner: NodeId): Surroundings
}

interface Row {
  readonly key: string
  readonly around: Surroundings
  readonly grounds: readonly unknown[]
  /** The JSON of what isn't new at every scrape, without the brace that closes it. */
  readonly lasting: string
  readonly told: Told
  /** All of it, a comma behind it. */
  readonly json: Buffer
  /** Another row has its place, or none. */
  replaced: boolean
  /** The count at which it last changed, and the look that last found it. */
  changed: number
  seen: number
}

const mostGone = 10_000

export function createBoard(view: StatusView, clock: Clock, unix: Unix): Board {
  const start = randomBytes(6).toString('base64url')
  const rows = new Map<string, Row>()
  /** The way to a row that needs no key to be put together. */
  const byEntry = new WeakMap<Entry, Row>()
  /** When each key went, oldest first. Bounded: who last asked before `oldest` gets all. */
  const gone = new Map<string, number>()
  let oldest = 0
  let count = 0
  let looks = 0
  let head = ''
  let around: ReadonlyMap<NodeId, Surroundings> = new Map()

  /** Counts one step up if anything changed. */
  function look(): Head {
    looks += 1
    const next = count + 1
    const found = headOf(view, unix)
    around = keepSame(around, surroundingsOf(found.nodes, view.catalogue()?.value))
    const print = JSON.stringify(found).slice(1, -1)
    const { changed, seen } = lookAtEntries(next)
    if (changed || seen < rows.size || print !== head) count = next
    if (seen < rows.size) dropMissing(next)
    head = print
    return found
  }

  function lookAtEntries(next: number): { readonly changed: boolean; readonly seen: number } {
    let changed = false
    let seen = 0
    for (const entry of view.entries()) {
      const row = byEntry.get(entry)
      const isSame = row !== undefined && !row.replaced && row.around === aroundOf(entry.owner)
      const now = isSame ? row : put(entry, next)
      now.seen = looks
      if (now.changed === next) changed = true
      seen += 1
    }
    return { changed, seen }
  }

  function put(entry: Entry, next: number): Row {
    const [key, here] = [keyOf(entry), aroundOf(entry.owner)]
    const before = rows.get(key)
    const grounds = groundsOf(entry, here)
    const lasting =
      before && sameItems(before.grounds, grounds)
        ? before.lasting
        : JSON.stringify(lastingOf(entry, here, unix)).slice(0, -1)
    const told = tellHistory(entry.history, before?.told)
    const json = Buffer.from(`${lasting},${passingJson(entry, told, unix)}},`)
    const changed = before?.json.equals(json) ? before.changed : next
    const row: Row = {
      ...{ key, around: here, grounds, lasting, told, json, changed },
      seen: looks,
      replaced: false,
    }
    if (before) before.replaced = true
    rows.set(key, row)
    byEntry.set(entry, row)
    gone.delete(key)
    return row
  }

  function dropMissing(next: number): void {
    for (const [key, row] of rows) {
      if (row.seen === looks) continue
      row.replaced = true
      rows.delete(key)
      gone.set(key, next)
    }
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
      const shown: Buffer[] = []
      for (const { json, changed } of rows.values()) if (changed > (after ?? -1)) shown.push(json)
      const left = after === undefined ? [] : [...gone].filter(([, at]) => at > after).map(([key]) => key)
      const first = `{"time":${unix(clock.now())},"sequence":"${name()}","partial":${after !== undefined},${head},`
      return Buffer.concat([
        Buffer.from(`${first}"targets":[`),
        ...shown.slice(0, -1),
        ...shown.slice(-1).map((json) => json.subarray(0, -1)),
        Buffer.from(`],"gone":${JSON.stringify(left)}}`),
      ])
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

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.every((item, at) => item === b[at])
}
