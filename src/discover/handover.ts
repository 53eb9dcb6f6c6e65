// What was handed on last, so that only changes are handed on. What stays the same stays the same object.

import { isDeepStrictEqual } from 'node:util'
import type { Catalogue, Self, Target } from '../model.ts'

export interface Found {
  readonly self: Self
  readonly targets: readonly Target[]
  /** Only while this node is a manager, and its lists were read. */
  readonly catalogue?: Catalogue
}

export interface Handover {
  node(self: Self, targets: readonly Target[]): void
  catalogue(catalogue: Catalogue | undefined): void
}

/** Nothing is told before the node itself is known. */
export function createHandover(on: (found: Found) => void): Handover {
  let self: Self | undefined
  let targets: readonly Target[] = []
  let catalogue: Catalogue | undefined

  function tell(): void {
    if (self) on({ self, targets, ...(catalogue && { catalogue }) })
  }
  return {
    node(nextSelf, found) {
      const nextTargets = unchanged(targets, found)
      if (isDeepStrictEqual(self, nextSelf) && nextTargets === targets) return
      // what a manager has read counts as long as it is one, of that Swarm
      if (!nextSelf.manager || self?.node !== nextSelf.node) catalogue = undefined
      self = isDeepStrictEqual(self, nextSelf) ? self : nextSelf
      targets = nextTargets
      tell()
    },
    catalogue(read) {
      const next = self?.manager ? read : undefined
      if (isDeepStrictEqual(catalogue, next)) return
      catalogue = next
      tell()
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
