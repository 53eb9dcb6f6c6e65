// Of what arrives anew, the parts that say the same stay the same objects: whoever remembers by identity what
// was made of them needn't make it again.

import { isDeepStrictEqual } from 'node:util'
import type { Catalogue } from '../model.ts'

/** `now` itself, or rather `before` if it says the same. */
export function sharing(before: Catalogue | undefined, now: Catalogue): Catalogue {
  if (!before) return now
  const services = shareMembers(before.services, now.services)
  const nodes = shareMembers(before.nodes, now.nodes)
  const same = services === before.services && nodes === before.nodes && now.cluster === before.cluster
  return same ? before : { ...now, services, nodes }
}

function shareMembers<T>(
  before: Readonly<Record<string, T>>,
  now: Readonly<Record<string, T>>,
): Readonly<Record<string, T>> {
  const shared = Object.entries(now).map(([key, value]) => [key, share(before[key], value)] as const)
  const same =
    Object.keys(before).length === shared.length && shared.every(([key, one]) => one === before[key])
  return same ? before : Object.fromEntries(shared)
}

function share<T>(before: T | undefined, now: T): T {
  return isDeepStrictEqual(before, now) ? before! : now
}
