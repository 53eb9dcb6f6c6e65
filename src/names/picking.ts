// From a name and a replica to one container: whatever among the things of that name the replica fits, if it is
// but one. Slots come before nodes, nodes before containers' ids.

import type { Entry, NodeId } from '../model.ts'
import type { Answer } from './answer.ts'
import type { Listed } from './directory.ts'
import { isGlobal, one, replicasOf, seatsOf, whole } from './members.ts'
import type { Nodes } from './nodes.ts'
import { ambiguous, idPath, noReplica, notRunning, pathOf } from './refusals.ts'
import { isLive } from './standing.ts'
import { seatOf } from './things.ts'

interface Wanted {
  readonly name: string
  readonly replica: string
  readonly asked: NodeId
}

interface Pick {
  /** The node that the thing belongs to, if it belongs to one. */
  readonly owner: NodeId | undefined
  readonly bySlot?: true
  readonly entries: readonly Entry[]
  readonly answer: Answer
}

/** Undefined: nothing fits. What has the name in full comes before what a label adds it to. */
export function pickReplica(
  { name, replica, asked }: Wanted,
  found: readonly Listed[],
  nodes: Nodes,
): Answer | undefined {
  const named = found.filter(({ thing }) => thing.full === name)
  const fitting =
    firstFitting(named, replica, nodes, currentSlot) ?? firstFitting(found, replica, nodes) ?? []
  // Numbers belong to a Compose project on its node: as for names, the asked node's own come first.
  const own = fitting.filter((pick) => pick.bySlot && pick.owner === asked)
  // As in `/sd`, a node that is lost gives its hostname up to its successor.
  const linked = fitting.filter(({ entries }) => entries.some(({ owner }) => nodes.linked(owner)))
  const [only, ...others] = own.length > 0 ? own : linked.length > 0 ? linked : fitting
  if (!only) return undefined
  if (others.length === 0) return only.answer
  return ambiguous(
    `${name}/${replica}`,
    [only, ...others].flatMap(({ entries }) => entries.map((entry) => idPath(name, entry))),
  )
}

export function unknownReplica(
  name: string,
  replica: string,
  found: readonly Listed[],
  nodes: Nodes,
): Answer {
  return noReplica(
    name,
    replica,
    found.flatMap((listed) => replicaPaths(name, listed, nodes)),
  )
}

function firstFitting(
  found: readonly Listed[],
  replica: string,
  nodes: Nodes,
  choose: (fitting: readonly Pick[]) => readonly Pick[] = currentFirst,
): readonly Pick[] | undefined {
  for (const picks of [slotPicks, nodePicks, idPicks]) {
    const fitting = found.flatMap((listed) => picks(listed, replica, nodes))
    if (fitting.length > 0) return choose(fitting)
  }
  return undefined
}

/**
 * A slot of the Swarm service of that full name, running or not, before a number of a Compose service of the same
 * full name: `/sd` gives that path for the one only, and any container can have the labels of the other.
 */
function currentSlot(fitting: readonly Pick[]): readonly Pick[] {
  const slots = fitting.filter(({ bySlot, owner }) => bySlot && owner === undefined)
  return slots.length > 0 ? slots : currentFirst(fitting)
}

function currentFirst(picks: readonly Pick[]): readonly Pick[] {
  const current = picks.filter(({ entries }) => entries.some(isLive))
  return current.length > 0 ? current : picks
}

function slotPicks(listed: Listed, replica: string, nodes: Nodes): readonly Pick[] {
  const { thing } = listed
  if (thing.form === 'container' || isGlobal(listed)) return []
  return replicasOf(listed, nodes)
    .filter(({ slot, entry }) => slot === replica || (entry && seatOf(entry) === replica))
    .map(({ slot, entry }) => ({
      owner: thing.owner,
      bySlot: true,
      entries: entry ? [entry] : [],
      answer: entry ? one(thing.full, entry) : notRunning(thing.full, slot),
    }))
}

function nodePicks(listed: Listed, replica: string, nodes: Nodes): readonly Pick[] {
  const { thing, members } = listed
  const { owner, full } = thing
  if (owner !== undefined)
    return nodes.fits(owner, replica)
      ? [{ owner, entries: members, answer: whole(listed, owner, nodes) }]
      : []
  return [...seatsOf(listed, nodes).values()]
    .filter((entry) => nodes.fits(entry.owner, replica))
    .map((entry) => ({ owner, entries: [entry], answer: one(full, entry) }))
}

/** Shorter ones are too easily something else. Docker's own short form has as many. */
const shortestId = 12

function idPicks({ thing, members }: Listed, replica: string): readonly Pick[] {
  if (replica.length < shortestId) return []
  return members
    .filter(({ target }) => target.id.startsWith(replica))
    .map((entry) => ({ owner: thing.owner, entries: [entry], answer: one(thing.full, entry) }))
}

function replicaPaths(name: string, listed: Listed, nodes: Nodes): readonly string[] {
  const { thing } = listed
  if (thing.form === 'compose' || (thing.form === 'service' && !isGlobal(listed)))
    return replicasOf(listed, nodes).map(({ slot }) => pathOf(name, slot))
  const owners =
    thing.owner === undefined ? [...seatsOf(listed, nodes).values()].map(({ owner }) => owner) : [thing.owner]
  return owners.map((owner) => pathOf(name, nodes.nameOf(owner)))
}
