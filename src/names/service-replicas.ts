// The replicas of a resource: which container is active in each slot, and what a query for the resource resolves to.

import type { Entry, NodeId } from '../model.ts'
import { activeReplica, isProvisional, isRunning, knownOf, mayRestart } from './active-replica.ts'
import type { ResourceState } from './name-index.ts'
import type { NodeNames } from './node-names.ts'
import { notOnNode, notRunning, type Replica, type Resolution } from './resolution.ts'
import { shortId, slotKeyOf } from './resources.ts'

/** Whether it runs or is meant to. */
export function isCurrent({ swarmService, members }: ResourceState): boolean {
  return swarmService !== undefined || members.some(isRunning)
}

/** Whether its replicas are asked for together: a service with numbered slots. */
export function isReplicated(state: ResourceState): boolean {
  return state.resource.kind !== 'standalone' && !isGlobal(state)
}

function isGlobal({ swarmService, members }: ResourceState): boolean {
  if (swarmService && swarmService.mode !== 'job') return swarmService.mode === 'global'
  const known = knownOf(members)
  return (known.find(isRunning) ?? known[0])?.target.place.kind === 'global'
}

/** All of a resource: of a global service the container on `node`. */
export function resolveAll(state: ResourceState, node: NodeId, nodes: NodeNames): Resolution {
  const { fullName, kind } = state.resource
  if (isReplicated(state)) return { kind: 'replicas', fullName, replicas: replicasOf(state, nodes) }
  if (kind === 'standalone') return resolveOne(fullName, activeReplica(state.members, nodes))
  const active = activeBySlot(state, nodes)
  const own = active.get(node)
  if (own) return resolveOne(fullName, own)
  const owners = [...active.values()].filter(isRunning).map(({ owner }) => owner)
  return notOnNode(fullName, owners, node, nodes)
}

/** The part of a resource that is active on `node`. */
export function resolveOnNode(state: ResourceState, node: NodeId, nodes: NodeNames): Resolution {
  const { fullName } = state.resource
  const all = resolveAll(state, node, nodes)
  if (all.kind === 'failed') return { kind: 'elsewhere', fullName }
  if (all.kind !== 'replicas') return all
  const replicas = all.replicas.filter(({ entry }) => entry?.owner === node)
  return replicas.length > 0 ? { ...all, replicas } : { kind: 'elsewhere', fullName }
}

export function resolveOne(fullName: string, entry: Entry | undefined, slot?: string): Resolution {
  return entry ? { kind: 'one', fullName, entry } : notRunning(fullName, slot)
}

/** `localeCompare` would make a collator for each comparison. */
const { compare: byNumber } = new Intl.Collator('en', { numeric: true })

/** Every slot that is meant to run or still does, in the order of their numbers. */
export function replicasOf(state: ResourceState, nodes: NodeNames): readonly Replica[] {
  const active = activeBySlot(state, nodes)
  const wanted = state.swarmService?.slots
  const shown = [...active]
    .filter(([slot, entry]) => isRunning(entry) || (wanted ? wanted.includes(slot) : mayRestart(entry)))
    .map(([slot]) => slot)
  return [...new Set([...shown, ...(wanted ?? [])])].sort(byNumber).map((slot) => {
    const entry = active.get(slot)
    return entry ? { slot, entry } : { slot }
  })
}

/**
 * The active replica of each slot. It is remembered as such for the next look-up, unless its owner is lost or it has no
 * metrics: that one only fills the slot until another runs, be it one that was active before.
 */
export function activeBySlot(state: ResourceState, nodes: NodeNames): ReadonlyMap<string, Entry> {
  const { swarmService, previous } = state
  const { isConnected } = nodes
  const active = new Map<string, Entry>()
  for (const [slot, slotContainers] of containersBySlot(state, nodes)) {
    const taskOrder = swarmService && (swarmService.taskOrder.get(slot) ?? [])
    const before = (previous.get(slot) ?? []).flatMap(
      (id) => slotContainers.find(({ target }) => target.id === id) ?? [],
    )
    const entry = activeReplica(slotContainers, {
      isConnected,
      previous: before,
      ...(taskOrder && { taskOrder }),
    })
    if (!entry) continue
    active.set(slot, entry)
    if (!isConnected(entry.owner) || !entry.endpoint || entry === before.at(-1)) continue
    const ids = [...before.filter((one) => one !== entry), entry].map(({ target }) => target.id)
    previous.set(slot, ids)
  }
  for (const slot of previous.keys()) if (!active.has(slot)) previous.delete(slot)
  return active
}

/**
 * In Compose nothing decides which of several running containers is a service's number 1: then none of them is, and each
 * is asked for by its id.
 */
function containersBySlot(
  { resource, members: all }: ResourceState,
  { mayRunTasks }: NodeNames,
): ReadonlyMap<string, readonly Entry[]> {
  const members = all.filter((entry) => !isProvisional(entry) || mayRunTasks(entry.owner))
  const bySlot = Map.groupBy(members, slotKeyOf)
  if (resource.kind !== 'compose') return bySlot
  const isDuplicate = (entry: Entry) =>
    isRunning(entry) && bySlot.get(slotKeyOf(entry))!.filter(isRunning).length > 1
  return Map.groupBy(members, (entry) => (isDuplicate(entry) ? shortId(entry.target.id) : slotKeyOf(entry)))
}
