// The status as JSON, complete or only what changed since an earlier response. Each target's JSON is kept with the
// number of the update in which it last changed.

import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.ts'
import type { Status } from './shape.ts'
import { headOf, type StatusHead, type StatusView, targetContexts } from './status.ts'
import { targetOf, type Unix } from './target.ts'

export interface StatusResponse {
  /** Names the update that it shows. Never a name that another start of the agent gave. */
  readonly sequence: string
  /** What changed after the update `since`; everything if `since` is absent or unknown. */
  toJson(since?: string): string
}

interface Row {
  /** A `TargetStatus`. */
  readonly json: string
  /** The update in which it last changed. */
  readonly changed: number
}

const maxGone = 10_000

/** Each call reads the current state. */
export function createIncrementalStatus(view: StatusView, clock: Clock, unix: Unix): () => StatusResponse {
  const start = randomBytes(6).toString('base64url')
  const rows = new Map<string, Row>()
  /** The update in which each key disappeared, oldest first; bounded. */
  const deleted = new Map<string, number>()
  /** What disappeared up to this update is forgotten: clients that last read before it get everything. */
  let forgotten = 0
  let count = 0
  let lastHead: StatusHead | undefined

  function update(head: StatusHead): void {
    const targets = targetsJson(head)
    const changed = [...targets].filter(([key, json]) => rows.get(key)?.json !== json)
    const removed = [...rows.keys()].filter((key) => !targets.has(key))
    if (changed.length > 0 || removed.length > 0 || !isDeepStrictEqual(head, lastHead)) count += 1
    lastHead = head
    for (const [key, json] of changed) {
      rows.set(key, { json, changed: count })
      deleted.delete(key)
    }
    for (const key of removed) {
      rows.delete(key)
      deleted.set(key, count)
    }
    forgetOldest()
  }

  function targetsJson({ nodes }: StatusHead): ReadonlyMap<string, string> {
    const contextOf = targetContexts(nodes, view.swarmState()?.value)
    const targets = new Map<string, string>()
    for (const entry of view.entries()) {
      const target = targetOf(entry, contextOf(entry.owner), unix, view.outcomeOf(entry))
      targets.set(target.key, JSON.stringify(target))
    }
    return targets
  }

  function forgetOldest(): void {
    for (const [key, at] of deleted) {
      if (deleted.size <= maxGone) return
      deleted.delete(key)
      forgotten = at
    }
  }

  /** The update that `since` names, if everything that changed after it is known. */
  function updateOf(since: string | undefined): number | undefined {
    const [of, number] = since?.split('.') ?? []
    const value = of === start && /^\d{1,15}$/.test(number ?? '') ? Number(number) : Number.NaN
    return value >= forgotten && value <= count ? value : undefined
  }

  function print(head: StatusHead, sequence: string, after: number | undefined): string {
    const isPartial = after !== undefined
    const rest: Omit<Status, 'targets'> = {
      time: unix(clock.now()),
      sequence,
      partial: isPartial,
      ...head,
      deleted: isPartial ? [...deleted].filter(([, at]) => at > after).map(([key]) => key) : [],
    }
    const shown = [...rows.values()].filter(({ changed }) => !isPartial || changed > after)
    return `${JSON.stringify(rest).slice(0, -1)},"targets":[${shown.map(({ json }) => json).join(',')}]}`
  }

  return () => {
    const head = headOf(view, unix)
    update(head)
    const sequence = `${start}.${count}`
    return { sequence, toJson: (since) => print(head, sequence, updateOf(since)) }
  }
}
