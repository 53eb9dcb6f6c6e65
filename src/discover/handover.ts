// What was handed on last, so that of the node only changes are handed on. What stays the same stays the same object.

import { isDeepStrictEqual } from 'node:util'
import type { Mono, NodeId, Self, SwarmState, Target } from '../model.ts'

export interface Found {
  readonly self: Self
  readonly targets: readonly Target[]
  /** The Swarm's managers by what the local engine says. */
  readonly managers: ReadonlySet<NodeId>
  /** Read just now, as a manager: whether or not anything changed, it says that the swarm state still holds. */
  readonly swarmState?: SwarmState
  /** When that reading began. */
  readonly swarmStateReadAt?: Mono
}

export interface Handover {
  node(found: Pick<Found, 'self' | 'targets' | 'managers'>): void
  /** Absent while this node is no manager. */
  swarmState(swarmState: SwarmState | undefined, readAt: Mono): void
}

/** Nothing is told before the node itself is known. */
export function createHandover(on: (found: Found) => void): Handover {
  let self: Self | undefined
  let targets: readonly Target[] = []
  let managers: ReadonlySet<NodeId> = new Set()

  return {
    node(found) {
      const nextTargets = unchanged(targets, found.targets)
      const isKnown = isDeepStrictEqual([self, managers], [found.self, found.managers])
      if (isKnown && nextTargets === targets) return
      self = isDeepStrictEqual(self, found.self) ? self : found.self
      managers = found.managers
      targets = nextTargets
      on({ self: self!, targets, managers })
    },
    swarmState(swarmState, swarmStateReadAt) {
      // a reading may end after the node has left its Swarm
      if (swarmState && self?.manager) on({ self, targets, managers, swarmState, swarmStateReadAt })
    },
  }
}

/** The new list made of the old objects wherever they say the same; the old list if all do. */
function unchanged(before: readonly Target[], found: readonly Target[]): readonly Target[] {
  const known = new Map(before.map((target) => [target.id, target]))
  const merged = found.map((target) => {
    const old = known.get(target.id)
    return isDeepStrictEqual(old, target) ? old! : target
  })
  return merged.length === before.length && merged.every((target, at) => target === before[at])
    ? before
    : merged
}
