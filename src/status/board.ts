// The status of every target, each with the number of the change that last touched it: so an answer brings only what
// changed since the client last asked. While nobody asks, only the keys of what changes are collected.

import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.ts'
import type { Entry, NodeId } from '../model.ts'
import type { Status } from './shape.ts'
import { contextsOf, type Head, headOf, type StatusView, unknownOwner } from './status.ts'
import { keyOf, type Surroundings, targetOf, type Unix } from './target.ts'

export interface Board {
  /** Takes in what changed. Everything else shows what the last look found. */
  look(): Head
  /** The name of this state. Never one that another start of the agent gave. */
  sequence(): string
  /** The JSON of everything, or of what changed since `since`; a name that isn't known any more brings everything. */
  print(since?: string): string
  context(owner: NodeId): Surroundings
}

interface Row {
  /** A `TargetStatus` as JSON. */
  readonly json: string
  /** The count at which it last changed. */
  readonly changed: number
}

interface Changed {
  readonly owner: NodeId
  readonly id: string
}

const maxGone = 10_000
/** Where more have changed, reading all costs no more. */
const maxChanged = 5000

export function createBoard(view: StatusView, clock: Clock, unix: Unix): Board {
  const start = randomBytes(6).toString('base64url')
  const rows = new Map<string, Row>()
  /** When each key went, oldest first. Bounded: a client that last asked before `oldest` gets everything. */
  const gone = new Map<string, number>()
  let oldest = 0
  let count = 0
  let head: Head | undefined
  let contexts: ReadonlyMap<NodeId, Surroundings> = new Map()
  /** What has changed since the last look; undefined: it may be anything. */
  let changes: Map<string, Changed> | undefined

  view.subscribe((change) => {
    if (change.kind === 'entry') note(change.entry.owner, change.entry.target.id)
    else if (change.kind === 'gone') note(change.owner, change.id)
    else changes = undefined
  })

  function note(owner: NodeId, id: string): void {
    if (changes && changes.size < maxChanged) changes.set(keyOf(owner, id), { owner, id })
    else changes = undefined
  }

  /** Counts one step up if anything changed. */
  function look(): Head {
    const next = count + 1
    const found = headOf(view, unix)
    const isChanged = changes ? lookAtSome(changes, next) : lookAtAll(found, next)
    changes = new Map()
    if (isChanged || !isDeepStrictEqual(found, head)) count = next
    head = found
    return found
  }

  /** Whether the status of any of them changed. */
  function lookAtSome(some: ReadonlyMap<string, Changed>, next: number): boolean {
    let isChanged = false
    for (const [key, { owner, id }] of some) {
      const entry = view.entry(owner, id)
      if (entry ? put(entry, next) : drop(key, next)) isChanged = true
    }
    return isChanged
  }

  function lookAtAll({ nodes }: Head, next: number): boolean {
    contexts = contextsOf(nodes, view.swarmState()?.value)
    const missing = new Set(rows.keys())
    let isChanged = false
    for (const entry of view.entries()) {
      missing.delete(keyOf(entry.owner, entry.target.id))
      if (put(entry, next)) isChanged = true
    }
    for (const key of missing) if (drop(key, next)) isChanged = true
    return isChanged
  }

  function put(entry: Entry, next: number): boolean {
    const key = keyOf(entry.owner, entry.target.id)
    const json = JSON.stringify(targetOf(entry, contextOf(entry.owner), unix))
    if (rows.get(key)?.json === json) return false
    rows.set(key, { json, changed: next })
    gone.delete(key)
    return true
  }

  function drop(key: string, next: number): boolean {
    if (!rows.delete(key)) return false
    gone.set(key, next)
    for (const [first, at] of gone) {
      if (gone.size <= maxGone) break
      gone.delete(first)
      oldest = at
    }
    return true
  }

  /** The count that `since` names, if all that happened afterwards is known. */
  function countOf(since: string | undefined): number | undefined {
    const [of, number] = since?.split('.') ?? []
    const value = of === start && /^\d{1,15}$/.test(number ?? '') ? Number(number) : Number.NaN
    return value >= oldest && value <= count ? value : undefined
  }

  const contextOf = (owner: NodeId) => contexts.get(owner) ?? unknownOwner(owner)
  const sequence = () => `${start}.${count}`

  return {
    look,
    sequence,
    print(since) {
      const after = countOf(since)
      const isPartial = after !== undefined
      const isShown = ({ changed }: Row) => !isPartial || changed > after
      const rest: Omit<Status, 'targets'> = {
        time: unix(clock.now()),
        sequence: sequence(),
        partial: isPartial,
        ...(head ?? look()),
        gone: isPartial ? [...gone].filter(([, at]) => at > after).map(([key]) => key) : [],
      }
      const targets = [...rows.values()].filter(isShown).map(({ json }) => json)
      return `${JSON.stringify(rest).slice(0, -1)},"targets":[${targets.join(',')}]}`
    },
    context: contextOf,
  }
}
