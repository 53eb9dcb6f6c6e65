// The index behind the look-up of names. Kept up to date change by change, so that a look-up among ten
// thousand containers costs a few map reads.

import { isDeepStrictEqual } from 'node:util'
import type { Change, Entry, NodeId, SwarmService, SwarmState } from '../model.ts'
import { compoundKey } from './compound-key.ts'
import type { Level, Names, Naming, OwnName, Thing } from './things.ts'
import { levels, namingOfService, namingsOf } from './things.ts'

/** What the index is made from. The store is one. */
export interface DirectorySource {
  entries(): Iterable<Entry>
  entry(owner: NodeId, id: string): Entry | undefined
  swarmState(): { readonly value: SwarmState } | undefined
}

/** A thing as it is now. */
export interface Listed {
  readonly thing: Thing
  /** In the order in which they became known. */
  readonly members: readonly Entry[]
  /** What the managers say of it, if it is a Swarm service that they know. */
  readonly declared?: SwarmService
  /** By seat, the ids of the containers that stood there when somebody asked, the last one last. */
  readonly stood: Map<string, readonly string[]>
}

export interface Directory {
  /** To be told of every change of the source. */
  changed(change: Change): void
  /** The things that bear `name` on one level. */
  find(level: Level, name: string): readonly Listed[]
  /** Every name that is borne, on any level. The same set until one comes or goes. */
  names(): ReadonlySet<string>
  /** The names that several things bear on one level. */
  shared(level: Level): readonly string[]
}

interface Shelf {
  readonly thing: Thing
  /** By owner and container id, in the order in which they became known. */
  readonly members: Map<string, { readonly owner: NodeId; readonly id: string }>
  readonly stood: Map<string, readonly string[]>
}

/** How many members give a thing its name: it bears it until the last of them is gone. */
type Bearers = Map<string, number>

export function createDirectory(source: DirectorySource, ownName: OwnName): Directory {
  const shelves = new Map<string, Shelf>()
  const borne = byLevel<Bearers>()
  const placed = new Map<string, readonly Naming[]>()
  let services = readServices(undefined, ownName)
  let known: ReadonlySet<string> | undefined

  function put(entry: Entry): void {
    const member = compoundKey(entry.owner, entry.target.id)
    const namings = namingsOf(entry, ownName)
    if (isDeepStrictEqual(namings, placed.get(member))) return
    drop(entry.owner, entry.target.id)
    for (const { thing, names } of namings) {
      const shelf = shelves.get(thing.key) ?? { thing, members: new Map(), stood: new Map() }
      shelves.set(thing.key, shelf)
      shelf.members.set(member, { owner: entry.owner, id: entry.target.id })
      bear(thing.key, names, 1)
    }
    placed.set(member, namings)
  }

  function drop(owner: NodeId, id: string): void {
    const member = compoundKey(owner, id)
    for (const { thing, names } of placed.get(member) ?? []) {
      const members = shelves.get(thing.key)?.members
      members?.delete(member)
      if (members?.size === 0) shelves.delete(thing.key)
      bear(thing.key, names, -1)
    }
    placed.delete(member)
  }

  function bear(key: string, names: Names, step: 1 | -1): void {
    known = undefined
    for (const [level, byName] of borne)
      for (const name of new Set(names[level])) {
        const bearers = byName.get(name) ?? new Map<string, number>()
        byName.set(name, bearers)
        const count = (bearers.get(key) ?? 0) + step
        if (count > 0) bearers.set(key, count)
        else bearers.delete(key)
        if (bearers.size === 0) byName.delete(name)
      }
  }

  function declared(): Services {
    const swarmState = source.swarmState()?.value
    if (swarmState === services.from) return services
    services = readServices(swarmState, ownName)
    known = undefined
    return services
  }

  function listed(key: string): Listed {
    const service = declared().byKey.get(key)
    const shelf = shelves.get(key)
    const members = [...(shelf?.members.values() ?? [])]
    return {
      thing: (shelf ?? service?.naming)!.thing,
      members: members.flatMap(({ owner, id }) => source.entry(owner, id) ?? []),
      stood: shelf?.stood ?? new Map(),
      ...(service && { declared: service.service }),
    }
  }

  for (const entry of source.entries()) put(entry)

  return {
    changed(change) {
      if (change.kind === 'gone') drop(change.owner, change.id)
      if (change.kind === 'entry' && change.before?.target !== change.entry.target) put(change.entry)
    },
    find(level, name) {
      const keys = new Set(borne.get(level)!.get(name)?.keys())
      for (const key of declared().byLevel.get(level)!.get(name) ?? []) keys.add(key)
      return [...keys].map(listed)
    },
    shared(level) {
      const [seen, declaredNames] = [borne.get(level)!, declared().byLevel.get(level)!]
      const isShared = (name: string, bearers: Bearers | undefined) => {
        const [first, second] = bearers?.keys() ?? []
        if (second !== undefined) return true
        return [...(declaredNames.get(name) ?? [])].some((key) => key !== first)
      }
      const found = [...seen].filter(([name, bearers]) => isShared(name, bearers))
      const others = [...declaredNames].filter(([name, keys]) => keys.size > 1 && !seen.has(name))
      return [...found, ...others].map(([name]) => name)
    },
    names() {
      const all = [...borne.values(), ...declared().byLevel.values()]
      known ??= new Set(all.flatMap((byName) => [...byName.keys()]))
      return known
    },
  }
}

/** The services that the managers know, whether or not a container of them is known. */
interface Services {
  readonly from: SwarmState | undefined
  readonly byKey: ReadonlyMap<string, { readonly naming: Naming; readonly service: SwarmService }>
  readonly byLevel: ReadonlyMap<Level, ReadonlyMap<string, ReadonlySet<string>>>
}

function readServices(swarmState: SwarmState | undefined, ownName: OwnName): Services {
  const declared = byLevel<Set<string>>()
  const all = Array.from(swarmState?.services.values() ?? [], (service) => ({
    service,
    naming: namingOfService(service, ownName),
  }))
  for (const { naming } of all)
    for (const [level, byName] of declared)
      for (const name of naming.names[level] ?? [])
        byName.set(name, (byName.get(name) ?? new Set()).add(naming.thing.key))
  return {
    from: swarmState,
    byKey: new Map(all.map((one) => [one.naming.thing.key, one])),
    byLevel: declared,
  }
}

function byLevel<T>(): ReadonlyMap<Level, Map<string, T>> {
  return new Map(levels.map((level) => [level, new Map<string, T>()]))
}
