// What can be named, and by which names: pure functions from entries and the swarm state.

import { agentTarget, type Entry, type NodeId, type Place, type SwarmService, type Target } from '../model.ts'
import { compoundKey } from './compound-key.ts'

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

/**
 * The levels on which a name is looked up, in this order: the agents' own name, which nothing else can take; full
 * names; short ones; the original's shortening.
 */
export const levels = ['agent', 'full', 'short', 'shortened'] as const
export type Level = (typeof levels)[number]

/** The names of one thing, by level. */
export type Names = { readonly [L in Level]?: readonly string[] }

export interface Naming {
  readonly thing: Thing
  readonly names: Names
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
  const short = [shortened(target.name)]
  if (target.id === agentTarget) return [{ thing: container, names: { agent: [target.name] } }]
  if (!group) return [{ thing: container, names: { full: [target.name, ...own], shortened: short } }]
  return [
    { thing: container, names: { full: [target.name] } },
    {
      thing: group,
      names: { full: [group.full, ...own], short: [shortName(target.place)], shortened: short },
    },
  ]
}

/** A service's names, known without any container of it. */
export function namingOfService(service: SwarmService, ownName: OwnName): Naming {
  const { name, labels } = service
  const stack = labels['com.docker.stack.namespace']
  const short = stack !== undefined && name.startsWith(`${stack}_`) ? [name.slice(stack.length + 1)] : []
  return {
    thing: serviceThing(name),
    names: { full: [name, ...[ownName(labels) ?? []].flat()], short, shortened: [shortened(name)] },
  }
}

export function serviceThing(name: string): Thing {
  return { key: compoundKey('service', name), form: 'service', full: name }
}

/** What tells the members of a thing apart: a slot, a number, a node, or nothing. */
export function seatOf({ owner, target: { place } }: Entry): string {
  if (place.kind === 'replicated') return place.slot
  return place.kind === 'compose' ? place.number : owner
}

/** The agent is a thing of its own, whatever else has its name. */
function containerOf(owner: NodeId, { id, name }: Target): Thing {
  const kind = id === agentTarget ? 'agent' : 'container'
  return { key: compoundKey(kind, owner, name), form: 'container', full: name, owner }
}

function groupOf(owner: NodeId, { place }: Target): Thing | undefined {
  if (place.kind === 'standalone') return undefined
  if (place.kind !== 'compose') return serviceThing(place.service)
  const { project, service } = place
  return {
    key: compoundKey('compose', owner, project, service),
    form: 'compose',
    full: `${project}_${service}`,
    owner,
  }
}

function shortName(place: Place): string {
  if (place.kind === 'standalone') return ''
  if (place.kind === 'compose' || place.stack === undefined) return place.service
  const prefix = `${place.stack}_`
  return place.service.startsWith(prefix) ? place.service.slice(prefix.length) : place.service
}
