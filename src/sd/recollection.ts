// What was made of each group, for as long as nothing has changed that it was made from. Ten thousand targets are
// listed for the price of looking at them.

import type { Entry, Target } from '../model.ts'
import type { Declared, Group } from './replicas.ts'

export interface Recollection<T> {
  /** `facts` is all that counts beside the groups: where it differs, everything is made anew. */
  of(groups: readonly Group[], facts: string, make: (group: Group) => T): readonly T[]
}

interface Made<T> {
  readonly declared: Declared | undefined
  /** Not the entries themselves, which hold pages. */
  readonly members: ReadonlyMap<Target, Facts>
  readonly made: T
}

interface Facts {
  readonly ended: Entry['ended'] | undefined
  readonly shown: boolean
}

export function createRecollection<T>(): Recollection<T> {
  let known: ReadonlyMap<string, Made<T>> = new Map()
  let knownFacts = ''
  return {
    of(groups, facts, make) {
      const before = facts === knownFacts ? known : new Map<string, Made<T>>()
      const now = new Map<string, Made<T>>()
      for (const group of groups) {
        const former = before.get(group.key)
        now.set(group.key, former && isSame(former, group) ? former : remember(group, make(group)))
      }
      known = now
      knownFacts = facts
      return Array.from(now.values(), ({ made }) => made)
    },
  }
}

function isSame({ declared, members }: Made<unknown>, group: Group): boolean {
  return (
    declared === group.declared &&
    members.size === group.entries.length &&
    group.entries.every((entry) => {
      const facts = members.get(entry.target)
      return facts !== undefined && facts.ended === entry.ended && facts.shown === isShown(entry)
    })
  )
}

function remember<T>({ declared, entries }: Group, made: T): Made<T> {
  const facts = (entry: Entry): Facts => ({ ended: entry.ended, shown: isShown(entry) })
  return { declared, members: new Map(entries.map((entry) => [entry.target, facts(entry)])), made }
}

const isShown = ({ endpoint }: Entry) => endpoint !== undefined
