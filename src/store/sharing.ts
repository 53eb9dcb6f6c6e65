// Of what arrives anew, the parts that say the same stay the same objects: whoever remembers by identity what
// was made of them needn't make it again.

import { isDeepStrictEqual } from 'node:util'
import type { SwarmState } from '../model.ts'

/** `now` itself, or rather `before` if it says the same. */
export function sharing(before: SwarmState | undefined, now: SwarmState): SwarmState {
  if (!before) return now
  const services = shareMembers(before.services, now.services)
  const nodes = shareMembers(before.nodes, now.nodes)
  const containers = shareMembers(before.containers, now.containers)
  const same =
    services === before.services &&
    nodes === before.nodes &&
    containers === before.containers &&
    now.cluster === before.cluster
  return same ? before : { ...now, services, nodes, containers }
}

function shareMembers<T>(
  before: ReadonlyMap<string, T>,
  now: ReadonlyMap<string, T>,
): ReadonlyMap<string, T> {
  const shared = [...now].map(([key, value]) => [key, share(before.get(key), value)] as const)
  const same = before.size === now.size && shared.every(([key, one]) => one === before.get(key))
  return same ? before : new Map(shared)
}

function share<T>(before: T | undefined, now: T): T {
  return isDeepStrictEqual(before, now) ? before! : now
}
