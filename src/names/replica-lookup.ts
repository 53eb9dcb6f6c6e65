// From a name and a replica to one container: what among the resources of that name the replica matches, if it is
// only one. Slots come before nodes, nodes before containers' ids.

import type { Entry, NodeId } from '../model.ts'
import { isRunning } from './active-replica.ts'
import type { ResourceState } from './name-index.ts'
import type { NodeNames } from './node-names.ts'
import { ambiguous, idPath, type NameQuery, type Resolution } from './resolution.ts'
import { metricsPath, shortIdDigits, slotKeyOf } from './resources.ts'
import { activeBySlot, isReplicated, replicasOf, resolveAll, resolveOne } from './service-replicas.ts'

export type ReplicaQuery = NameQuery & { readonly replica: string }

interface Match {
  /** The node that the resource belongs to, if it belongs to one. */
  readonly owner: NodeId | undefined
  readonly isSlot: boolean
  readonly entries: readonly Entry[]
  readonly resolution: Resolution
}

/** Undefined: nothing matches. A resource of that full name comes before one to which a label adds it. */
export function findReplica(
  { name, replica, node }: ReplicaQuery,
  states: readonly ResourceState[],
  nodes: NodeNames,
): Resolution | undefined {
  const named = states.filter(({ resource }) => resource.fullName === name)
  const matches =
    swarmSlotFirst(matchesOf(named, replica, nodes)) ?? runningFirst(matchesOf(states, replica, nodes))
  // As for names, the Compose services of the node that is asked come first.
  const onAskedNode = matches.filter(({ isSlot, owner }) => isSlot && owner === node)
  // As in `/sd`, a hostname is the connected node's, not that of a lost one.
  const connected = matches.filter(({ entries }) => entries.some(({ owner }) => nodes.isConnected(owner)))
  const [only, ...others] = onAskedNode.length > 0 ? onAskedNode : connected.length > 0 ? connected : matches
  if (!only) return undefined
  if (others.length === 0) return only.resolution
  const paths = [only, ...others].flatMap(({ entries }) => entries.map((entry) => idPath(name, entry)))
  return { kind: 'failed', failure: ambiguous(`${name}/${replica}`, paths) }
}

/** The paths of all replicas. */
export function replicaPaths(name: string, state: ResourceState, nodes: NodeNames): readonly string[] {
  if (isReplicated(state)) return replicasOf(state, nodes).map(({ slot }) => metricsPath(name, slot))
  const { owner } = state.resource
  const owners =
    owner === undefined ? [...activeBySlot(state, nodes).values()].map((entry) => entry.owner) : [owner]
  return owners.map((one) => metricsPath(name, nodes.nameOf(one)))
}

function matchesOf(states: readonly ResourceState[], replica: string, nodes: NodeNames): readonly Match[] {
  for (const match of [matchSlot, matchNode, matchId]) {
    const matches = states.flatMap((state) => match(state, replica, nodes))
    if (matches.length > 0) return matches
  }
  return []
}

/**
 * A slot of the Swarm service of that full name, running or not, before a number of a Compose service of the same
 * full name: `/sd` gives that path for the one only, and any container can have the labels of the other.
 */
function swarmSlotFirst(matches: readonly Match[]): readonly Match[] | undefined {
  const slots = matches.filter(({ isSlot, owner }) => isSlot && owner === undefined)
  if (slots.length > 0) return slots
  return matches.length > 0 ? runningFirst(matches) : undefined
}

function runningFirst(matches: readonly Match[]): readonly Match[] {
  const running = matches.filter(({ entries }) => entries.some(isRunning))
  return running.length > 0 ? running : matches
}

function matchSlot(state: ResourceState, replica: string, nodes: NodeNames): readonly Match[] {
  const { owner, fullName } = state.resource
  if (!isReplicated(state)) return []
  return replicasOf(state, nodes)
    .filter(({ slot, entry }) => slot === replica || (entry && slotKeyOf(entry) === replica))
    .map(({ slot, entry }) => ({
      ...{ owner, isSlot: true, entries: entry ? [entry] : [] },
      resolution: resolveOne(fullName, entry, slot),
    }))
}

function matchNode(state: ResourceState, replica: string, nodes: NodeNames): readonly Match[] {
  const { owner } = state.resource
  const named = nodes.nodesNamed(replica)
  if (owner !== undefined)
    return named.includes(owner)
      ? [{ owner, isSlot: false, entries: state.members, resolution: resolveAll(state, owner, nodes) }]
      : []
  return [...activeBySlot(state, nodes).values()]
    .filter((entry) => named.includes(entry.owner))
    .map((entry) => matchOf(state, entry))
}

/** A shorter part of an id too easily means something else. */
function matchId(state: ResourceState, replica: string): readonly Match[] {
  if (replica.length < shortIdDigits) return []
  return state.members
    .filter(({ target }) => target.id.startsWith(replica))
    .map((entry) => matchOf(state, entry))
}

function matchOf({ resource: { owner, fullName } }: ResourceState, entry: Entry): Match {
  return { owner, isSlot: false, entries: [entry], resolution: resolveOne(fullName, entry) }
}
