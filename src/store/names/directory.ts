// The index behind the look-up of names. Kept up to date change by change, so that a look-up among ten
// thousand containers costs a few map reads.

import { isDeepStrictEqual } from 'node:util'
import type { Catalogue, CatalogueService, Change, Entry, NodeId } from '../../model.ts'
import type { Levels, Naming, OwnName, Thing } from './things.ts'
import { levelCount, namingOfService, namingsOf } from './things.ts'

/** What the index is made from. The store is one. */
export interface DirectorySource {
  entries(): Iterable<Entry>
  entry(owner: NodeId, id: string): Entry | undefined
  catalogue(): { readonly value: Catalogue } | undefined
}

/** A thing as it is now. */
export interface Listed {
  readonly thing: Thing
  /** In the order in which they became known. */
  readonly members: readonly Entry[]
  /** What the managers say of it, if it is a Swarm service that they know. */
  readonly declared?: CatalogueService
  /** By seat, the ids of the containers that stood there when somebody asked, the last one last. */
  readonly stood: Map<string, readonly string[]>
}

export interface Directory {
  /** To be told of every change of the source. */
  changed(change: Change): void
  /** The things that bear `name` on one level. */
  find(level: number, name: string): readonly Listed[]
  /** Every name that is borne, on any level. The same set until one comes or goes. */
  names(): ReadonlySet<string>
  /** The names that several things bear on one level. */
  shared(level: number): readonly string[]
}

interface Shelf {
  readonly thing: Thing
  /** Container ids by `owner id`, in the order in which they became known. */
  readonly members: Map<string, { readonly owner: NodeId; readonly id: string }>
  readonly stood: Map<string, readonly string[]>
}

/** How many members give a thing its name: it bears it until the last of them is gone. */
type Bearers = Map<string, number>

export function createDirectory(source: DirectorySource, ownName: OwnName): Directory {
  const shelves = new Map<string, Shelf>()
  const levels = Array.from({ length: levelCount }, () => new Map<string, Bearers>())
  const placed = new Map<string, readonly Naming[]>()
  let services = readServices(undefined, ownName)
  let known: ReadonlySet<string> | undefined

  function put(entry: Entry): void {
    const member = keyOf(entry.owner, entry.target.id)
    const namings = namingsOf(entry, ownName)
    if (isDeepStrictEqual(namings, placed.get(member))) return
    drop(entry.owner, entry.target.id)
    for (const { thing, levels } of namings) {
      const shelf = shelves.get(thing.key) ?? { thing, members: new Map(), stood: new Map() }
      shelves.set(thing.key, shelf)
      shelf.members.set(member, { owner: entry.owner, id: entry.target.id })
      bear(thing.key, levels, 1)
    }
    placed.set(member, namings)
  }

  function drop(owner: NodeId, id: string): void {
    const member = keyOf(owner, id)
    for (const { thing, levels } of placed.get(member) ?? []) {
      const members = shelves.get(thing.key)?.members
      members?.delete(member)
      if (members?.size === 0) shelves.delete(thing.key)
      bear(thing.key, levels, -1)
    }
    placed.delete(member)
  }

  function bear(key: string, names: Levels, step: 1 | -1): void {
    known = undefined
    for (const [level, borne] of names.entries())
      for (const name of new Set(borne)) {
        const bearers = levels[level]!.get(name) ?? new Map<string, number>()
        levels[level]!.set(name, bearers)
        const count = (bearers.get(key) ?? 0) + step
        if (count > 0) bearers.set(key, count)
        else bearers.delete(key)
        if (bearers.size === 0) levels[level]!.delete(name)
      }
  }

  function declared(): Services {
    const catalogue = source.catalogue()?.value
    if (catalogue === services.from) return services
    services = readServices(catalogue, ownName)
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
      const keys = new Set(levels[level]!.get(name)?.keys())
      for (const key of declared().levels[level]!.get(name) ?? []) keys.add(key)
      return [...keys].map(listed)
    },
    shared(level) {
      const declaredNames = declared().levels[level]!
      const isShared = (name: string, bearers: Bearers | undefined) => {
        const [first, second] = bearers?.keys() ?? []
        if (second !== undefined) return true
        return [...(declaredNames.get(name) ?? [])].some((key) => key !== first)
      }
      const found = [...levels[level]!].filter(([name, bearers]) => isShared(name, bearers))
      const others = [...declaredNames].filter(([name, keys]) => keys.size > 1 && !levels[level]!.has(name))
      return [...found, ...others].map(([name]) => name)
    },
    names() {
      const all = [...levels, ...declared().levels]
      known ??= new Set(all.flatMap((level) => [...level.keys()]))
      return known
    },
  }
}

/** The services that the managers know, whether or not a container of them is known. */
interface Services {
  readonly from: Catalogue | undefined
  readonly byKey: ReadonlyMap<string, { readonly naming: Naming; readonly service: CatalogueService }>
  readonly levels: readonly ReadonlyMap<string, ReadonlySet<string>>[]
}

function readServices(catalogue: Catalogue | undefined, ownName: OwnName): Services {
  const levels = Array.from({ length: levelCount }, () => new Map<string, Set<string>>())
  const all = Array.from(catalogue?.services.values() ?? [], (service) => ({
    service,
    naming: namingOfService(service, ownName),
  }))
  for (const { naming } of all)
    for (const [level, names] of naming.levels.entries())
      for (const name of names)
        levels[level]!.set(name, (levels[level]!.get(name) ?? new Set()).add(naming.thing.key))
  return { from: catalogue, byKey: new Map(all.map((one) => [one.naming.thing.key, one])), levels }
}

function keyOf(owner: NodeId, id: string): string {
  return `${owner} ${id}`
}
