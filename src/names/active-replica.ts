// Which of several containers is the active replica of a slot, a node or a name.
//
// Rolling updates, rescheduling and recreation let several containers claim one slot for a while. Exactly one may be
// active: two would double a series, and switching to and fro would make its counters jump.

import type { Entry, NodeId } from '../model.ts'

interface ReplicaContext {
  /** The slot's tasks from oldest to newest, where the managers list several; undefined where no managers are known. */
  readonly taskOrder?: readonly string[]
  /** Whether an owner can be asked: the last state of a lost node never outranks that of a connected one. */
  readonly isConnected: (owner: NodeId) => boolean
  /** Which of `entries` have been active before, the last one last; undefined where that isn't remembered. */
  readonly previous?: readonly Entry[]
}

/**
 * The rules, in this order:
 * 1. A running container before one that has ended; of ended ones the last.
 * 2. While the one that was active last runs, only those are considered beside it that may follow it: one that the
 *    managers list as newer, or any that they don't list as older once the active one refuses connections (it is being
 *    shut down), or its node is lost and the other one's is not. One that was active before may not, unless the node of
 *    the active one is lost, and either the managers mean it to run, not the active one, or no managers are known and its
 *    own node is connected.
 *    A provisional one follows only a provisional one whose node is lost; any known one follows a provisional one.
 * 3. A known one before a provisional one; one on a connected node before one on a lost node.
 * 4. Of those with an endpoint the newest; if none has one, the oldest.
 * While this agent has shown none yet, one that the managers list counts in 3 and 4 although its node is lost or it is
 * still being searched: before a restart, this agent may have shown it.
 * `entries` come in the order in which they became known, which decides where the managers' order doesn't.
 */
export function activeReplica(
  entries: readonly Entry[],
  { taskOrder, isConnected, previous }: ReplicaContext,
): Entry | undefined {
  const running = entries.filter(isRunning)
  if (running.length === 0) return lastEnded(knownOf(entries))
  const ageRank = (entry: Entry) => ageRankOf(entry, taskOrder ?? [])

  function mayFollow(entry: Entry, active: Entry): boolean {
    const isLost = !isConnected(active.owner)
    if (isProvisional(entry) && !(isProvisional(active) && isLost)) return false
    if (isLost && ageRank(entry) >= 0 && ageRank(active) < 0) return true
    if (isLost && !taskOrder && isConnected(entry.owner)) return true
    if (previous?.includes(entry)) return false
    if (isProvisional(active)) return true
    const newerBy = ageRank(entry) - ageRank(active)
    if (newerBy !== 0) return newerBy > 0
    return refusesConnections(active) || (isLost && isConnected(entry.owner))
  }
  const mayHaveBeenShown = (entry: Entry) => previous?.length === 0 && ageRank(entry) >= 0
  const mayHaveMetrics = (entry: Entry) =>
    entry.endpoint !== undefined || (isBeingSearched(entry) && mayHaveBeenShown(entry))

  const last = running.find((entry) => entry === previous?.at(-1))
  const active = last && (last.endpoint !== undefined || isBeingSearched(last)) ? last : undefined
  const eligible = active ? running.filter((entry) => entry === active || mayFollow(entry, active)) : running
  const known = knownOf(eligible)
  const connected = known.filter((entry) => isConnected(entry.owner) || mayHaveBeenShown(entry))
  const byAge = (connected.length > 0 ? connected : known).toSorted((a, b) => ageRank(a) - ageRank(b))
  return byAge.findLast(mayHaveMetrics) ?? byAge[0]
}

/** Those that the managers know, if there are any. */
export function knownOf(entries: readonly Entry[]): readonly Entry[] {
  const known = entries.filter((entry) => !isProvisional(entry))
  return known.length > 0 ? known : entries
}

export function isProvisional({ target: { place } }: Entry): boolean {
  return 'provisional' in place
}

export function isRunning({ target, ended }: Entry): boolean {
  return ended === undefined && target.state !== 'stopped'
}

/** It failed, or was stopped, and may run again; one that exited with 0 or was removed won't. */
export function mayRestart({ target, ended }: Entry): boolean {
  return !ended?.removed && (ended?.exitCode ?? target.exitCode) !== 0
}

function isBeingSearched({ probeResult }: Entry): boolean {
  return probeResult.kind === 'searching'
}

function refusesConnections({ snapshot }: Entry): boolean {
  return snapshot?.ok === false && snapshot.failure.code === 'connection_refused'
}

/** A task that isn't in the order isn't meant to run any more: older than all that are. */
function ageRankOf({ target: { place } }: Entry, order: readonly string[]): number {
  return 'task' in place ? order.indexOf(place.task) : -1
}

function lastEnded(entries: readonly Entry[]): Entry | undefined {
  return entries.reduce<Entry | undefined>(
    (last, entry) => (!last || (entry.ended?.at ?? 0) >= (last.ended?.at ?? 0) ? entry : last),
    undefined,
  )
}
