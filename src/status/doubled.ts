// What a client scrapes twice in each interval, since two jobs have it: by two paths, such as those of a service and of
// its replica, or by one path.

import type { Entry, Mono, NodeId } from '../model.ts'
import type { Names } from '../names/names.ts'
import type { ClientStatus } from './shape.ts'

/** A path with the times of its last requests, oldest first. */
export interface RequestedPath {
  readonly path: string
  readonly times: readonly Mono[]
}

/** The keys of the targets whose metrics a path has. */
export type TargetsOfPath = (path: string) => readonly string[]

/** So many times show whether the intervals alternate. */
export const timesForInterleaving = 5
const minRegularTimes = 3

export function doubledOf(
  requested: readonly RequestedPath[],
  targetsOf: TargetsOfPath,
  now: Mono,
): ClientStatus['doubled'] {
  const regular = requested.filter(({ times }) => isRegular(times, now))
  const interleaved = regular.filter(({ times }) => isInterleaved(times)).map(({ path }) => path)
  const overlaps = overlapsOf(
    regular.map(({ path }) => path),
    targetsOf,
  )
  const targets = new Set([...overlaps.keys(), ...interleaved.flatMap(targetsOf)])
  const [paths = interleaved.slice(0, 1)] = overlaps.values()
  return paths.length > 0 ? { targets: Math.max(1, targets.size), paths } : undefined
}

/** By target, of those with several paths. Only the path of a service can have what another path has. */
function overlapsOf(
  paths: readonly string[],
  targetsOf: TargetsOfPath,
): ReadonlyMap<string, readonly string[]> {
  const isOfReplica = (path: string) => path.split('/').length > 3
  if (paths.length < 2 || paths.every(isOfReplica)) return new Map()
  const byTarget = new Map<string, readonly string[]>()
  for (const path of paths)
    for (const target of targetsOf(path)) byTarget.set(target, [...(byTarget.get(target) ?? []), path])
  return new Map(
    [...byTarget].filter(([, its]) => its.length > 1).map(([target, its]) => [target, its.slice(0, 2)]),
  )
}

/** Not one that ended more than two intervals ago. */
function isRegular(times: readonly Mono[], now: Mono): boolean {
  const [first = now, last = now] = [times[0], times.at(-1)]
  const interval = (last - first) / (times.length - 1)
  return times.length >= minRegularTimes && now - last <= 2.5 * interval
}

/** Two jobs of one interval: a short and a long one by turns, which together are always the same. */
function isInterleaved(times: readonly Mono[]): boolean {
  if (times.length < timesForInterleaving) return false
  const [a = 0, b = 0, c = 0, d = 0] = times.slice(1).map((time, at) => time - times[at]!)
  const tolerance = (a + b) / 10
  return Math.abs(a - c) < tolerance && Math.abs(b - d) < tolerance && Math.abs(a - b) > 2 * tolerance
}

/** A key for each target of a path; none where the path has no metrics of targets, or means nothing. */
export function targetKeysOfPath(path: string, lookUp: Names['lookUp'], node: NodeId): readonly string[] {
  const url = URL.parse(path, 'http://agent')
  const [, name, replica] = /^\/([^/]+)(?:\/([^/]+))?\/metrics$/.exec(url?.pathname ?? '') ?? []
  if (!url || name === undefined) return []
  const scope = url.searchParams.get('scope') === 'node' ? { scope: 'node' as const } : {}
  const found = lookUp({
    ...{ name: decoded(name), node, ...scope },
    ...(replica !== undefined && { replica: decoded(replica) }),
  })
  const endpoint = url.searchParams.get('endpoint') ?? '1'
  const keyOf = ({ owner, target }: Entry) => `${owner}/${target.id}/${endpoint}`
  if (found.kind === 'one') return [keyOf(found.entry)]
  return found.kind === 'replicas' ? found.replicas.flatMap(({ entry }) => (entry ? [keyOf(entry)] : [])) : []
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
