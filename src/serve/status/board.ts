// Keeps the status of every target as ready JSON, so that an answer costs what changed and not what exists.
// Nothing is done while nobody looks: each ask compares the store's entries, which are immutable, by identity.

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import type { Entry, NodeId } from '../../model.ts'
import { type Head, headOf, type StatusView, surroundingsOf, unknownOwner } from './status.ts'
import { keyOf, type Surroundings, targetOf, type Unix } from './target.ts'

export interface Board {
  /** Takes in what changed. All else tells what the last look found. */
  look(): Head
  /** The name of this state of things. Never one that another start of the agent gave. */
  sequence(): string
  /** The JSON of all, or of what changed since `since`; a name that isn't known any more brings all. */
  print(since?: string): string
  around(owner: NodeId): Surroundings
}

interface Row {
  readonly entry: Entry
  readonly around: Surroundings
  readonly json: string
  readonly changed: number
}

const mostGone = 10_000

export function createBoard(view: StatusView, clock: Clock, unix: Unix): Board {
  const start = randomBytes(6).toString('base64url')
  const rows = new Map<string, Row>()
  /** When each key went, oldest first. Bounded: who last asked before `oldest` gets all. */
  const gone = new Map<string, number>()
  let oldest = 0
  let count = 0
  let head = ''
  let around: ReadonlyMap<NodeId, Surroundings> = new Map()

  /** Counts one step up if anything changed. */
  function look(): Head {
    const next = count + 1
    const found = headOf(view, unix)
    around = keepSame(around, surroundingsOf(found.nodes, view.catalogue()?.value))
    const print = JSON.stringify(found).slice(1, -1)
    const { any, seen } = lookAtRows(next)
    if (any || seen.size < rows.size || print !== head) count = next
    dropMissing(seen, next)
    head = print
    return found
  }

  function lookAtRows(next: number): { readonly any: boolean; readonly seen: ReadonlySet<string> } {
    const seen = new Set<string>()
    let any = false
    for (const entry of view.entries()) {
      const key = keyOf(entry)
      seen.add(key)
      const here = aroundOf(entry.owner)
      const row = rows.get(key)
      if (row?.entry === entry && row.around === here) continue
      const json = JSON.stringify(targetOf(entry, here, unix))
      rows.set(key, { entry, around: here, json, changed: row?.json === json ? row.changed : next })
      if (row?.json !== json) any = true
      gone.delete(key)
    }
    return { any, seen }
  }

  function dropMissing(seen: ReadonlySet<string>, next: number): void {
    if (seen.size === rows.size) return
    for (const key of rows.keys()) {
      if (seen.has(key)) continue
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
      const shown: string[] = []
      for (const { json, changed } of rows.values()) if (changed > (after ?? -1)) shown.push(json)
      const left = after === undefined ? [] : [...gone].filter(([, at]) => at > after).map(([key]) => key)
      return (
        `{"time":${unix(clock.now())},"sequence":"${name()}","partial":${after !== undefined},${head},` +
        `"targets":[${shown.join(',')}],"gone":${JSON.stringify(left)}}`
      )
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
