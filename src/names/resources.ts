// What can be asked for by name, and the names, keys and paths of it. Pure functions.

import {
  agentName,
  agentTarget,
  type Entry,
  type Labels,
  type NodeId,
  type Place,
  type SwarmService,
  type Target,
} from '../model.ts'

/**
 * What one name means: a Swarm service, which is one resource in the whole cluster, or a Compose service or a
 * container. The latter belong to their node: the same name on two nodes is two resources.
 */
export interface Resource {
  readonly key: string
  readonly kind: 'service' | 'compose' | 'standalone'
  /** The full name. Unique on its node but for a container that is named like a service. */
  readonly fullName: string
  /** Absent for what belongs to the whole cluster. */
  readonly owner?: NodeId
}

/**
 * The levels on which a name is looked up, in this order: the agents' own name, which nothing else can take; full
 * names; short ones; those under which the bash original served containers.
 */
export const nameLevels = ['agent', 'full', 'short', 'legacy'] as const
export type NameLevel = (typeof nameLevels)[number]

export interface NamedResource {
  readonly resource: Resource
  readonly names: { readonly [L in NameLevel]?: readonly string[] }
}

/** The full name that labels, of a container or a service, add to the others. */
export type NameFromLabels = (labels: Labels) => string | undefined

/** A container with its names, and the service that it belongs to with those. */
export function resourcesOf(
  { owner, target }: Entry,
  nameFromLabels: NameFromLabels,
): readonly NamedResource[] {
  const added = [nameFromLabels(target.labels) ?? []].flat()
  const container = containerResource(owner, target)
  const service = serviceResource(owner, target)
  const legacy = [legacyName(target.name)]
  if (target.id === agentTarget) return [{ resource: container, names: { agent: [target.name] } }]
  if (!service) return [{ resource: container, names: { full: [target.name, ...added], legacy } }]
  const short = [shortName(target.place)]
  return [
    { resource: container, names: { full: [target.name] } },
    { resource: service, names: { full: [service.fullName, ...added], short, legacy } },
  ]
}

/** A service of the swarm state, whether or not a container of it is known. */
export function swarmServiceResource(service: SwarmService, nameFromLabels: NameFromLabels): NamedResource {
  const { name, labels } = service
  const stack = labels[stackLabel]
  return {
    resource: resourceOfSwarmService(name),
    names: {
      full: [name, ...[nameFromLabels(labels) ?? []].flat()],
      short: stack === undefined ? [] : [withoutStack(name, stack)],
      legacy: [legacyName(name)],
    },
  }
}

/** The name under which the bash original served a container: second field by `_`, cut at the first dot. */
export function legacyName(name: string): string {
  const fields = name.split('_')
  return (fields[1] ?? name).split('.')[0]!
}

/** Docker puts it on all services and containers of a stack. */
export const stackLabel = 'com.docker.stack.namespace'

/** The full name of its service; a standalone container is a service of its own. */
export function serviceNameOf({ place, name }: Target): string {
  if (place.kind === 'standalone') return name
  return place.kind === 'compose' ? `${place.project}_${place.service}` : place.service
}

/** What tells the containers of a resource apart: a slot, a number in Compose, or a node. */
export function slotKeyOf({ owner, target: { place } }: Entry): string {
  if (place.kind === 'replicated') return place.slot
  return place.kind === 'compose' ? place.number : owner
}

/** A key of several texts from outside. Joined with a separator, `shop` + `api_db` would be `shop_api` + `db`. */
export function compoundKey(...parts: readonly string[]): string {
  return JSON.stringify(parts)
}

/** `/<name>/metrics` or `/<name>/<replica>/metrics`. */
export function metricsPath(...names: readonly string[]): string {
  return `/${names.map((name) => encodeURIComponent(name)).join('/')}/metrics`
}

/** One container in paths, `/<name>/<replica>/metrics`, and in the label `instance`. */
export interface ReplicaName {
  readonly name: string
  readonly replica: string
  readonly instance: string
}

/**
 * A slot by its number; what else there is by its node's name. Where the container, or its service, has the agents' own
 * name, the agent has that path, and the container is asked for by its id.
 */
export function replicaNameOf({ id, name: ownName, place }: Target, nodeName: string): ReplicaName {
  if (place.kind === 'replicated') return slotName(place.service, place.slot)
  const name = place.kind === 'global' ? place.service : ownName
  const replica = name === agentName && id !== agentTarget ? shortId(id) : nodeName
  return { name, replica, instance: `${name}@${replica}` }
}

/** A slot of a Swarm service, whether or not it has a container. */
export function slotName(service: string, slot: string): ReplicaName {
  return { name: service, replica: slot, instance: `${service}.${slot}` }
}

/** As Docker shows it. */
export function shortId(id: string): string {
  return id.slice(0, shortIdDigits)
}

export const shortIdDigits = 12

/** The agent is a resource of its own, whatever else has its name. */
function containerResource(owner: NodeId, { id, name }: Target): Resource {
  const keyKind = id === agentTarget ? 'agent' : 'container'
  return { key: compoundKey(keyKind, owner, name), kind: 'standalone', fullName: name, owner }
}

function serviceResource(owner: NodeId, target: Target): Resource | undefined {
  const { place } = target
  if (place.kind === 'standalone') return undefined
  if (place.kind !== 'compose') return resourceOfSwarmService(place.service)
  const key = compoundKey('compose', owner, place.project, place.service)
  return { key, kind: 'compose', fullName: serviceNameOf(target), owner }
}

function resourceOfSwarmService(name: string): Resource {
  return { key: compoundKey('service', name), kind: 'service', fullName: name }
}

function shortName(place: Place): string {
  if (place.kind === 'standalone') return ''
  if (place.kind === 'compose' || place.stack === undefined) return place.service
  return withoutStack(place.service, place.stack)
}

function withoutStack(service: string, stack: string): string {
  const prefix = `${stack}_`
  return service.startsWith(prefix) ? service.slice(prefix.length) : service
}
