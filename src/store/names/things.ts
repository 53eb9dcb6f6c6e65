// What can be named, and by which names: pure functions from entries and the catalogue.

import type { CatalogueService, Entry, NodeId, Place, Target } from '../../model.ts'

/**
 * What one name denotes. A Swarm service is one thing in the whole cluster; all else belongs to its node, so
 * that the same name on two nodes is two things with one full name.
 */
export interface Thing {
  readonly key: string
  readonly form: 'service' | 'compose' | 'container'
  /** The name that people see first, and that tells it from its like on the same node. */
  readonly full: string
  /** Absent for what belongs to the whole cluster. */
  readonly owner?: NodeId
}

/** The levels on which a name is looked up, in this order. */
export const levelCount = 3

/** The names of one thing, by level: full names, short ones, the original's shortening. */
export type Levels = readonly [readonly string[], readonly string[], readonly string[]]

export interface Naming {
  readonly thing: Thing
  readonly levels: Levels
}

/** The name under which the original of this proxy served a container: second field by `_`, cut at the first dot. */
export function shortened(name: string): string {
  const fields = name.split('_')
  return (fields[1] ?? name).split('.')[0]!
}

/** What a label may add as a name of the first level. */
export type OwnName = (labels: Readonly<Record<string, string>>) => string | undefined

/** A container's names: its own, and through it those of the service that it belongs to. */
export function namingsOf({ owner, target }: Entry, ownName: OwnName): readonly Naming[] {
  const own = [ownName(target.labels) ?? []].flat()
  const container = containerOf(owner, target)
  const group = groupOf(owner, target)
  const short = shortened(target.name)
  if (!group) return [{ thing: container, levels: [[target.name, ...own], [], [short]] }]
  return [
    { thing: container, levels: [[target.name], [], []] },
    { thing: group, levels: [[group.full, ...own], [shortName(target.place)], [short]] },
  ]
}

/** A service's names, known without any container of it. */
export function namingOfService(service: CatalogueService, ownName: OwnName): Naming {
  const { name, labels } = service
  const stack = labels['com.docker.stack.namespace']
  const short = stack !== undefined && name.startsWith(`${stack}_`) ? [name.slice(stack.length + 1)] : []
  return {
    thing: serviceThing(name),
    levels: [[name, ...[ownName(labels) ?? []].flat()], short, [shortened(name)]],
  }
}

export function serviceThing(name: string): Thing {
  return { key: `service ${name}`, form: 'service', full: name }
}

/** What tells the members of a thing apart: a slot, a number, a node, or nothing. */
export function seatOf({ owner, target: { place } }: Entry): string {
  if (place.kind === 'replicated') return place.slot
  return place.kind === 'compose' ? place.number : owner
}

function containerOf(owner: NodeId, { name }: Target): Thing {
  return { key: `container ${owner} ${name}`, form: 'container', full: name, owner }
}

function groupOf(owner: NodeId, { place }: Target): Thing | undefined {
  if (place.kind === 'standalone') return undefined
  if (place.kind !== 'compose') return serviceThing(place.service)
  const full = `${place.project}_${place.service}`
  return { key: `compose ${owner} ${full}`, form: 'compose', full, owner }
}

function shortName(place: Place): string {
  if (place.kind === 'standalone') return ''
  if (place.kind === 'compose' || place.stack === undefined) return place.service
  const prefix = `${place.stack}_`
  return place.service.startsWith(prefix) ? place.service.slice(prefix.length) : place.service
}
