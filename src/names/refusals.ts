// What is said to whom a name can't be answered: why, and the paths that would do.

import type { Entry, NodeId } from '../model.ts'
import { nearMisses } from '../runtime/spelling.ts'
import type { Answer } from './answer.ts'
import type { Listed } from './directory.ts'
import type { Nodes } from './nodes.ts'
import { shortened } from './things.ts'

const mostPaths = 20

export function unknownName(name: string, known: ReadonlySet<string>): Answer {
  const near = [...new Set([...nearMisses(name, known), ...nearMisses(shortened(name), known)])]
  return refused(
    'unknown',
    `no container or service is called ${quoted(name)}`,
    near.map((one) => pathOf(one)),
  )
}

export function noReplica(name: string, replica: string, paths: readonly string[]): Answer {
  return refused('unknown', `${quoted(name)} has no replica ${quoted(replica)}`, paths)
}

export function notOnNode(full: string, owners: readonly NodeId[], asked: NodeId, nodes: Nodes): Answer {
  const paths = owners.map((owner) => pathOf(full, nodes.nameOf(owner)))
  return refused('unknown', `${quoted(full)} has no container on ${nodes.nameOf(asked)}`, paths)
}

export function notRunning(full: string, slot?: string): Answer {
  const what = slot === undefined ? quoted(full) : `slot ${slot} of ${quoted(full)}`
  return refused('stopped', `${what} has no container`, [])
}

export function ambiguous(name: string, paths: readonly string[]): Answer {
  return refused('ambiguous', `${quoted(name)} means more than one thing`, paths)
}

/** For each thing the shortest path that tells it from the others. */
export function pathsApart(listed: readonly Listed[], nodes: Nodes): readonly string[] {
  return [...Map.groupBy(listed, ({ thing }) => thing.full)].flatMap(([full, alike]) => {
    if (alike.length === 1) return [pathOf(full)]
    const owners = alike.map(({ thing }) => thing.owner)
    if (!owners.includes(undefined) && new Set(owners).size === owners.length)
      return owners.map((owner) => pathOf(full, nodes.nameOf(owner!)))
    return alike.flatMap(({ members }) => members.map((entry) => idPath(full, entry)))
  })
}

/** The path that always tells a container from every other. */
export function idPath(name: string, { target }: Entry): string {
  return pathOf(name, target.id.slice(0, 12))
}

export function pathOf(...names: readonly string[]): string {
  return `/${names.map((name) => encodeURIComponent(name)).join('/')}/metrics`
}

function refused(
  code: 'unknown' | 'ambiguous' | 'stopped',
  reason: string,
  paths: readonly string[],
): Answer {
  if (paths.length === 0) return { kind: 'refused', trouble: { code, reason } }
  const more = paths.length > mostPaths ? ` and ${paths.length - mostPaths} more` : ''
  const hint = `ask for ${paths.length > 1 ? 'one of ' : ''}${paths.slice(0, mostPaths).join(' ')}${more}`
  return { kind: 'refused', trouble: { code, reason, hint } }
}

/** Names come from clients: shown in a way that can't be taken for anything else, and not for ever. */
function quoted(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name)
}
