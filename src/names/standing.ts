// Which of several containers stands for one place: a slot, a node's task of a global service, a name.
//
// Rolling updates, rescheduling and recreation let several claim it for a while. Exactly one may be shown:
// two would double a series, and going to and fro would make its counters jump.

import type { Entry, NodeId } from '../model.ts'

export interface Circumstances {
  /** The place's tasks from oldest to newest, where the managers say that it is contested. */
  readonly order?: readonly string[]
  /** Whether an owner can be asked: what a cut-off node last said never outranks what can be seen. */
  readonly linked: (owner: NodeId) => boolean
  /** Who has stood here before, the last one last. */
  readonly stood?: readonly Entry[]
}

/**
 * The older one that still runs, until a newer one has shown metrics; an ended one only where nothing runs. As
 * long as the one that stands runs, as far as is known, none that stood before it does again, and none takes its
 * place but a newer one; but one that the managers mean to run takes it again from one that they don't, if that can't be asked. Where nobody says which is newer, any may, once it no longer listens: it is being ended,
 * and may take its time.
 * `entries` come in the order in which they became known, which decides where nobody knows better.
 */
export function standing(
  entries: readonly Entry[],
  { order = [], linked, stood = [] }: Circumstances,
): Entry | undefined {
  const running = knownOf(entries.filter(isLive))
  if (running.length === 0) return lastEnded(knownOf(entries))
  if (running.length === 1) return running[0]
  const sitting = running.find((entry) => entry === stood.at(-1) && entry.endpoint !== undefined)
  const isMeantInstead = (entry: Entry, before: Entry) =>
    rank(entry, order) >= 0 && rank(before, order) < 0 && !linked(before.owner)
  const mayFollow = (entry: Entry, before: Entry) =>
    isMeantInstead(entry, before) ||
    (!stood.includes(entry) &&
      (rank(entry, order) > rank(before, order) || isClosed(before) || !linked(before.owner)))
  const eligible = sitting
    ? running.filter((entry) => entry === sitting || mayFollow(entry, sitting))
    : running
  const seen = eligible.filter(({ owner }) => linked(owner))
  const candidates = seen.length > 0 ? seen : eligible
  const byAge = candidates.toSorted((a, b) => rank(a, order) - rank(b, order))
  return byAge.findLast(({ endpoint }) => endpoint !== undefined) ?? byAge[0]
}

/** What is only said to be a replica never takes the place of one that the managers know. */
export function knownOf(entries: readonly Entry[]): readonly Entry[] {
  const known = entries.filter(({ target: { place } }) => !('provisional' in place))
  return known.length > 0 ? known : entries
}

export function isLive({ target, ended }: Entry): boolean {
  return ended === undefined && target.state !== 'stopped'
}

function isClosed({ snapshot }: Entry): boolean {
  return snapshot?.ok === false && snapshot.trouble.code === 'refused'
}

/** Whether nothing has changed of what decides who stands: of most scrapes, nothing has. */
export function standsAlike(entry: Entry, before: Entry): boolean {
  return (
    entry.target === before.target &&
    entry.ended === before.ended &&
    entry.endpoint === before.endpoint &&
    isClosed(entry) === isClosed(before)
  )
}

/** A task that isn't in the order isn't meant to run any more: older than all that are. */
function rank({ target: { place } }: Entry, order: readonly string[]): number {
  return 'task' in place ? order.indexOf(place.task) : -1
}

function lastEnded(entries: readonly Entry[]): Entry | undefined {
  return entries.reduce<Entry | undefined>(
    (last, entry) => (!last || (entry.ended?.at ?? 0) >= (last.ended?.at ?? 0) ? entry : last),
    undefined,
  )
}
