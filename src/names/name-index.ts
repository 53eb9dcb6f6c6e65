// Every name in the cluster with the resources that it means. Rebuilt by the first look-up after a container or a
// service came, went or got other names; with 10,000 containers this takes some 50 ms.

import { isDeepStrictEqual } from 'node:util'
import {
  type Change,
  type Entry,
  endpointNumberOf,
  type NodeId,
  type SwarmService,
  type SwarmState,
} from '../model.ts'
import type { Store } from '../store/store.ts'
import {
  compoundKey,
  type NamedResource,
  type NameFromLabels,
  type NameLevel,
  nameLevels,
  type Resource,
  resourcesOf,
  swarmServiceResource,
} from './resources.ts'

/** What the index is built from. */
export type IndexSource = Pick<Store, 'entries' | 'entry' | 'swarmState' | 'subscribe'>

/** A resource as it is now. */
export interface ResourceState {
  readonly resource: Resource
  /** Its containers, in the order in which they became known. */
  readonly members: readonly Entry[]
  /** Set for a Swarm service that the managers know. */
  readonly swarmService?: SwarmService
  /** By slot key, the ids of the containers that were active there at earlier look-ups, the last one last. */
  readonly previous: Map<string, readonly string[]>
}

interface NameIndex {
  /** The resources that `name` means on one level. */
  find(level: NameLevel, name: string): readonly ResourceState[]
  /** Every name, of any level. */
  names(): Iterable<string>
  /** The names that mean several resources on one level. */
  shared(level: NameLevel): readonly string[]
}

/** Not the entry, whose metrics would be kept in memory. */
interface ContainerRef {
  readonly owner: NodeId
  readonly id: string
}

interface Indexed {
  readonly resource: Resource
  readonly members: ContainerRef[]
  swarmService?: SwarmService
}

interface Index {
  readonly resources: ReadonlyMap<string, Indexed>
  /** The keys of the resources of each name. */
  readonly byLevel: ReadonlyMap<NameLevel, ReadonlyMap<string, ReadonlySet<string>>>
}

export function createNameIndex(source: IndexSource, nameFromLabels: NameFromLabels): NameIndex {
  /** In the order in which they became known. */
  const members = new Map<string, ContainerRef>()
  const previous = new Map<string, Map<string, readonly string[]>>()
  let current: Index | undefined

  function add({ owner, target: { id } }: Entry): void {
    members.set(compoundKey(owner, id), { owner, id })
  }

  /** A container's other endpoints have the same names. */
  function isContainer(change: Change): boolean {
    if (change.kind !== 'entry' && change.kind !== 'deleted') return true
    return endpointNumberOf(change.kind === 'deleted' ? change.id : change.entry.target.id) === 1
  }

  /** As after each scrape. */
  function hasSameNames({ entry, before }: Extract<Change, { readonly kind: 'entry' }>): boolean {
    if (!before) return false
    if (before.target === entry.target) return true
    return isDeepStrictEqual(resourcesOf(entry, nameFromLabels), resourcesOf(before, nameFromLabels))
  }

  for (const entry of source.entries()) if (endpointNumberOf(entry.target.id) === 1) add(entry)
  source.subscribe((change) => {
    if (change.kind === 'nodes' || !isContainer(change) || (change.kind === 'entry' && hasSameNames(change)))
      return
    if (change.kind === 'entry') add(change.entry)
    if (change.kind === 'deleted') members.delete(compoundKey(change.owner, change.id))
    current = undefined
  })

  const entriesOf = (some: Iterable<ContainerRef>) =>
    [...some].flatMap(({ owner, id }) => source.entry(owner, id) ?? [])

  function index(): Index {
    if (current) return current
    current = indexOf(entriesOf(members.values()), source.swarmState()?.value, nameFromLabels)
    for (const key of previous.keys()) if (!current.resources.get(key)?.members.length) previous.delete(key)
    return current
  }

  function stateOf(key: string): ResourceState {
    const { resource, members, swarmService } = index().resources.get(key)!
    const active = previous.get(key) ?? new Map<string, readonly string[]>()
    previous.set(key, active)
    return { resource, members: entriesOf(members), previous: active, ...(swarmService && { swarmService }) }
  }

  return {
    find: (level, name) => Array.from(index().byLevel.get(level)!.get(name) ?? [], stateOf),
    names: () => new Set([...index().byLevel.values()].flatMap((keysByName) => [...keysByName.keys()])),
    shared: (level) =>
      [...index().byLevel.get(level)!].filter(([, keys]) => keys.size > 1).map(([name]) => name),
  }
}

function indexOf(
  entries: readonly Entry[],
  swarmState: SwarmState | undefined,
  nameFromLabels: NameFromLabels,
): Index {
  const resources = new Map<string, Indexed>()
  const byLevel = new Map(nameLevels.map((level) => [level, new Map<string, Set<string>>()]))

  function add({ resource, names }: NamedResource): Indexed {
    for (const [level, keysByName] of byLevel)
      for (const name of names[level] ?? [])
        keysByName.set(name, (keysByName.get(name) ?? new Set()).add(resource.key))
    const indexed = resources.get(resource.key) ?? { resource, members: [] }
    resources.set(resource.key, indexed)
    return indexed
  }

  for (const entry of entries)
    for (const named of resourcesOf(entry, nameFromLabels))
      add(named).members.push({ owner: entry.owner, id: entry.target.id })
  for (const service of swarmState?.services.values() ?? [])
    add(swarmServiceResource(service, nameFromLabels)).swarmService = service
  return { resources, byLevel }
}
