// Judges which of a slot's containers is served: not an older one while a newer one runs that the same machine's agent has
// served before, be it before a restart. Judged only where the agent can know: of the newer one from that one's machine, of
// the order from the managers. Without managers it must not go back and forth between containers whose machines are linked.

import type { Container } from './containers.ts'
import type { Exchange } from './oracle.ts'
import type { Machine, Placed, World } from './world.ts'

/** A container that was served, the last time. */
interface Shown extends Placed {
  readonly exchange: Exchange
  /** What was served is of no time before this. */
  readonly saidSince: number
  /** The agent of its machine then. */
  readonly owner: object | undefined
}

/** A node that is lost for longer may be forgotten: FORGET_AFTER, less the time for which its cache is served. */
const forgottenMs = 40_000

/** Returns the container that should have been served, unless none, in place of `served`. */
export type SlotJudge = (exchange: Exchange, served: Placed, saidSince: number) => Container | undefined

/** Once a machine was restored, nothing is judged for `restoredMs`: its agent may not know its containers any more. */
export function createSlotJudge(
  world: World,
  restoredAt: (machine: Machine) => number,
  restoredMs: number,
): SlotJudge {
  /** By machine asked and slot, in the order of the requests. */
  const shownBySlot = new Map<string, readonly Shown[]>()

  /** By when their tasks were made. A copy is as old as the original. */
  function isOlder({ container: { place, id } }: Placed, other: Placed): boolean {
    const all = 'service' in place ? world.placedAs(place.service) : []
    const ageRank = (id: string) => all.findIndex(({ container }) => container.id === id)
    return ageRank(id) < ageRank(other.container.id)
  }

  /** It has run ever since, and is meant to; its machine was that machine. */
  function isStillThere({ container, machine, owner, saidSince, exchange: { answeredAt } }: Shown): boolean {
    return (
      container.isRunning() &&
      !world.isShutDown(container) &&
      container.startedAt() <= saidSince &&
      // an agent that starts while the container has no metrics can't know that it had any
      (machine.agent === owner || (container.speaksSince() ?? Number.POSITIVE_INFINITY) <= saidSince) &&
      world.copiedUntil(machine) <= answeredAt &&
      restoredAt(machine) <= answeredAt - restoredMs
    )
  }

  /** The agent knows this container, and from the managers that its task is the newer one. */
  function isKnownAsNewer({ container, machine, exchange }: Shown, now: Exchange): boolean {
    const since = Math.max(container.startedAt(), now.startedAt)
    return (
      now.informedAt >= since &&
      (now.agent === exchange.agent || now.knownUntil(machine) >= since) &&
      now.answeredAt - exchange.requestedAt < forgottenMs
    )
  }

  /** The agent has changed from `first` to `last` before, and can still ask that one. */
  function isLeft(last: Shown, first: Shown | undefined, now: Exchange): boolean {
    return (
      [first, last].every((one) => one?.exchange.agent === now.agent) &&
      last.container.speaksSince() !== undefined &&
      now.areLinkedSince(last.machine, last.exchange.answeredAt)
    )
  }

  return (exchange, served, saidSince) => {
    const { place } = served.container
    const asked = world.machines.get(exchange.agentName)
    if (place.kind !== 'replicated' || !asked || asked.original || served.machine.original) return undefined
    const key = `${asked.name} ${place.slot}`
    const before = (shownBySlot.get(key) ?? []).filter((one) => restoredAt(asked) < one.exchange.answeredAt)
    const first = before.find(({ container }) => container === served.container)
    const now = { ...served, exchange, saidSince, owner: served.machine.agent }
    const shown = [...before.filter((one) => one !== first), now]
    shownBySlot.set(
      key,
      shown.sort((a, b) => a.exchange.requestedAt - b.exchange.requestedAt),
    )

    const isOutside = exchange.outsideSince < Number.POSITIVE_INFINITY
    const wrong = before.findLast((one, at) => {
      if (one === first || one.exchange.answeredAt > exchange.requestedAt || !isStillThere(one)) return false
      // which of two is newer it knew from managers that it no longer has
      if (isOutside && one.exchange.requestedAt < exchange.outsideSince) return false
      const later = before.slice(at + 1)
      const isNewer = isOlder(served, one)
      if ((isNewer || isOutside) && later.length === 0 && isLeft(one, first, exchange)) return true
      // where an older one has followed it before, there was a reason
      const wasFollowed = later.some((other) => isOlder(other, one))
      return !isOutside && isNewer && !wasFollowed && isKnownAsNewer(one, exchange)
    })
    return wrong?.container
  }
}
