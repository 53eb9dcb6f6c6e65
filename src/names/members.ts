// A thing and its containers: which of them stand, and what of them is shown.

import type { Entry, NodeId } from '../model.ts'
import type { Answer, Replica } from './answer.ts'
import type { Listed } from './directory.ts'
import type { Nodes } from './nodes.ts'
import { notOnNode, notRunning } from './refusals.ts'
import { isLive, knownOf, standing } from './standing.ts'
import { seatOf } from './things.ts'

/** Whether it runs or is meant to. */
export function isCurrent({ declared, members }: Listed): boolean {
  return declared !== undefined || members.some(isLive)
}

export function isGlobal({ declared, members }: Listed): boolean {
  if (declared && declared.mode !== 'job') return declared.mode === 'global'
  const known = knownOf(members)
  return (known.find(isLive) ?? known[0])?.target.place.kind === 'global'
}

/** All that a thing has to show to one who asks at `asked`. */
export function whole(listed: Listed, asked: NodeId, nodes: Nodes): Answer {
  const { thing, members } = listed
  const { full } = thing
  if (thing.form !== 'container' && !isGlobal(listed))
    return { kind: 'replicas', full, replicas: replicasOf(listed, nodes) }
  if (thing.form === 'container') return one(full, standing(members, nodes))
  const own = seatsOf(listed, nodes).get(asked)
  return own ? one(full, own) : notOnNode(full, ownersOf(listed, nodes), asked, nodes)
}

/** What of a thing runs on one node. A replica that stands elsewhere doesn't count here too. */
export function partOn(node: NodeId, listed: Listed, nodes: Nodes): Answer {
  const { full } = listed.thing
  const answer = whole(listed, node, nodes)
  if (answer.kind === 'refused') return { kind: 'elsewhere', full }
  if (answer.kind !== 'replicas') return answer
  const replicas = answer.replicas.filter(({ entry }) => entry?.owner === node)
  return replicas.length > 0 ? { ...answer, replicas } : { kind: 'elsewhere', full }
}

export function one(full: string, entry: Entry | undefined): Answer {
  return entry ? { kind: 'one', full, entry } : notRunning(full)
}

/** Every slot that is meant to run or still does, in the order of their numbers. */
export function replicasOf(listed: Listed, nodes: Nodes): readonly Replica[] {
  const seats = seatsOf(listed, nodes)
  const wanted = listed.declared?.slots
  const shown = [...seats]
    .filter(([slot, entry]) => isLive(entry) || (wanted ? wanted.includes(slot) : !leftForGood(entry)))
    .map(([slot]) => slot)
  return [...new Set([...shown, ...(wanted ?? [])])]
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((slot) => {
      const entry = seats.get(slot)
      return entry ? { slot, entry } : { slot }
    })
}

/**
 * The container that stands at each seat of a thing; who does is remembered, for the next time. Not one whose owner
 * can't be asked: it only fills the place until another runs there, even one that stood there before.
 */
export function seatsOf(listed: Listed, { linked }: Nodes): ReadonlyMap<string, Entry> {
  const { declared, stood } = listed
  const seats = new Map<string, Entry>()
  for (const [seat, claimants] of claimantsBySeat(listed)) {
    const order = declared?.contested.get(seat)
    const before = claimantsOf(stood.get(seat) ?? [], claimants)
    const entry = standing(claimants, { linked, stood: before, ...(order && { order }) })
    if (!entry) continue
    seats.set(seat, entry)
    if (linked(entry.owner) && entry !== before.at(-1))
      stood.set(
        seat,
        [...before.filter((one) => one !== entry), entry].map(({ target }) => target.id),
      )
  }
  return seats
}

/**
 * In Compose nobody says which of several running containers is a service's number 1: then none of them is, and each
 * goes by its id.
 */
function claimantsBySeat({ thing, members }: Listed): ReadonlyMap<string, readonly Entry[]> {
  const bySeat = Map.groupBy(members, seatOf)
  if (thing.form !== 'compose') return bySeat
  const isDouble = (entry: Entry) => isLive(entry) && bySeat.get(seatOf(entry))!.filter(isLive).length > 1
  return Map.groupBy(members, (entry) => (isDouble(entry) ? entry.target.id.slice(0, 12) : seatOf(entry)))
}

function claimantsOf(ids: readonly string[], claimants: readonly Entry[]): readonly Entry[] {
  return ids.flatMap((id) => claimants.find(({ target }) => target.id === id) ?? [])
}

/** The nodes that run a task of it. */
function ownersOf(listed: Listed, nodes: Nodes): readonly NodeId[] {
  return [...seatsOf(listed, nodes).values()].filter(isLive).map(({ owner }) => owner)
}

/** Where no manager says which slots are meant to run: what ended like this won't come back. */
function leftForGood({ ended }: Entry): boolean {
  return ended?.removed === true || ended?.exitCode === 0
}
