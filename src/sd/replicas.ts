// Which replicas Prometheus is told of: a pure decision over what the cluster knows.
//
// A replica is listed as long as it should answer, whether or not it does: only so can `up` be 0. It leaves
// when it is no longer meant to be there. The list never depends on who is asked, only on what is known.

import { type Settings, settingsOf } from '../labels/settings.ts'
import { agentTarget, type Entry, type NodeId, type SwarmService, type SwarmState } from '../model.ts'
import { compoundKey } from '../names/compound-key.ts'
import { isLive, stays } from '../names/living.ts'

/** Which of several containers stands for one place. Where nobody knows better, the order of `entries` decides. */
export type Standing = (
  entries: readonly Entry[],
  circumstances: { readonly order?: readonly string[]; readonly linked: (owner: NodeId) => boolean },
) => Entry | undefined

/** What the decision depends on besides the group. */
export interface View {
  readonly swarmState: SwarmState | undefined
  /** Whether an owner can be asked now. */
  readonly linked: (node: NodeId) => boolean
  readonly standing: Standing
}

/** What is decided together: the containers of one Swarm service, declared or seen, or of one name on one node. */
export interface Group {
  readonly key: string
  /** The service's full name; absent for what is in none. */
  readonly service: string | undefined
  readonly declared: Declared | undefined
  readonly entries: readonly Entry[]
}

/** A service as the managers know it. */
export interface Declared extends Readonly<SwarmService> {
  readonly id: string
}

export interface Replica {
  /** The full name of its service, or its own. */
  readonly service: string
  readonly stack: string | undefined
  readonly slot: string | undefined
  /** The name by which it is asked for on its node; absent where any node may run it. */
  readonly pinnedAs: string | undefined
  /** The container that stands for it; absent while a wanted slot has none. */
  readonly entry: Entry | undefined
  readonly declared: Declared | undefined
  readonly settings: Settings
}

/** In no particular order. Agents are listed by node. */
export function groupsOf(entries: Iterable<Entry>, swarmState: SwarmState | undefined): readonly Group[] {
  const groups = new Map<string, Group & { readonly entries: Entry[] }>()
  for (const [id, service] of swarmState?.services ?? []) {
    const { name } = service
    const key = compoundKey('service', name)
    groups.set(key, { key, service: name, declared: declaredAs(id, service), entries: [] })
  }
  for (const entry of entries) {
    if (entry.target.id === agentTarget) continue
    const { key, service } = belonging(entry)
    const group = groups.get(key)
    if (group) group.entries.push(entry)
    else groups.set(key, { key, service, declared: undefined, entries: [entry] })
  }
  return [...groups.values()]
}

function belonging({ owner, target: { place, name } }: Entry) {
  return place.kind === 'replicated' || place.kind === 'global'
    ? { key: compoundKey('service', place.service), service: place.service }
    : { key: compoundKey('container', owner, name), service: undefined }
}

const declarations = new WeakMap<SwarmService, Declared>()

/** The same object for the same service. */
function declaredAs(id: string, service: SwarmService): Declared {
  const before = declarations.get(service)
  if (before?.id === id) return before
  const declared = { ...service, id }
  declarations.set(service, declared)
  return declared
}

/** In no particular order. */
export function replicasOf({ service, declared, entries }: Group, view: View): readonly Replica[] {
  return service === undefined
    ? replicaOnItsNode(entries, view)
    : replicasOfService({ name: service, declared, entries }, view)
}

interface Service {
  readonly name: string
  readonly declared: Declared | undefined
  readonly entries: readonly Entry[]
}

function replicasOfService({ name, declared, entries }: Service, view: View): readonly Replica[] {
  const settingsFor = (entry: Entry | undefined) =>
    settingsOf(entry?.target.labels ?? unlabelled, declared?.labels)
  const serving = entries.filter((entry) => settingsFor(entry).enabled?.value !== false)
  const shows =
    entries.length === 0
      ? asks(settingsFor(undefined))
      : serving.some((entry) => entry.endpoint || asks(settingsFor(entry)))
  if (!shows) return []

  const seats = new Map<string, Entry[]>()
  if (declared?.mode === 'replicated') for (const slot of declared.slots) seats.set(slot, [])
  for (const entry of serving)
    if (seats.has(seatOf(entry)) || isWanted(entry, declared, view)) gather(seats, seatOf(entry), entry)

  const example = serving.reduce<Entry | undefined>(moreTelling, undefined)
  return [...seats].map(([seat, candidates]) => {
    const entry = choose(candidates, view, declared?.contested.get(seat))
    const pinned = entry?.target.place.kind === 'global'
    return {
      service: name,
      stack: declared?.labels[stackLabel] ?? (entry && stackOf(entry)),
      slot: pinned ? undefined : seat,
      pinnedAs: pinned ? name : undefined,
      entry,
      declared,
      settings: settingsFor(entry ?? example),
    }
  })
}

/** A standalone container, one of Compose's, or an entry of `TARGETS`. */
function replicaOnItsNode(entries: readonly Entry[], view: View): readonly Replica[] {
  const candidates = entries.filter((entry) => isLive(entry) || stays(entry))
  const entry = choose(candidates, view)
  if (!entry) return []
  const { place, name, url, labels } = entry.target
  const settings = settingsOf(labels)
  const shows = url !== undefined || entries.some(({ endpoint }) => endpoint) || asks(settings)
  if (!shows || settings.enabled?.value === false) return []
  const compose = place.kind === 'compose' ? place : undefined
  return [
    {
      service: compose ? `${compose.project}_${compose.service}` : name,
      stack: compose?.project,
      slot: compose?.number,
      pinnedAs: name,
      entry,
      declared: undefined,
      settings,
    },
  ]
}

const unlabelled = Object.freeze({})
const stackLabel = 'com.docker.stack.namespace'

/** By its labels it should have an endpoint. */
function asks({ enabled, port, path }: Settings): boolean {
  return enabled ? enabled.value : port !== undefined || path !== undefined
}

/** Whether a task that fills none of the declared slots is meant to be where it is. */
function isWanted(entry: Entry, declared: Declared | undefined, { swarmState, linked }: View): boolean {
  const live = isLive(entry)
  const { place } = entry.target
  // seen with our own eyes: the managers' word may only be late
  if (live && linked(entry.owner)) return true
  if (!swarmState) return live || stays(entry)
  if (!declared || !('serviceId' in place) || place.serviceId !== declared.id) return false
  if (declared.mode === 'global') return live || isActive(swarmState, entry.owner)
  return declared.mode === 'job' && (live || stays(entry))
}

/** Swarm runs a global service's task on this node. */
function isActive({ nodes }: SwarmState, node: NodeId): boolean {
  const known = nodes.get(node)
  return known?.state === 'ready' && known.availability === 'active'
}

/** The same choice by every agent, whatever each of them heard first. */
function choose(candidates: readonly Entry[], { standing, linked }: View, order?: readonly string[]) {
  if (candidates.length < 2) return candidates[0]
  const sorted = candidates.toSorted((a, b) => (a.target.id < b.target.id ? -1 : 1))
  return standing(sorted, { ...(order && { order }), linked })
}

/** Whose labels speak for a slot that has no container yet. */
function moreTelling(best: Entry | undefined, entry: Entry): Entry {
  if (!best || isLive(best) !== isLive(entry)) return best && isLive(best) ? best : entry
  return best.target.id < entry.target.id ? best : entry
}

function seatOf({ owner, target: { place } }: Entry): string {
  return place.kind === 'replicated' ? place.slot : owner
}

function stackOf({ target: { place } }: Entry): string | undefined {
  return 'stack' in place ? place.stack : undefined
}

function gather<K, V>(groups: Map<K, V[]>, key: K, value: V): void {
  const group = groups.get(key)
  if (group) group.push(value)
  else groups.set(key, [value])
}
