// What is looked up and what it is resolved to: containers, or why there are none with the paths to use instead.

import type { Failure } from '../errors.ts'
import type { Entry, NodeId } from '../model.ts'
import { nearMisses } from '../runtime/spelling.ts'
import type { ResourceState } from './name-index.ts'
import type { NodeNames } from './node-names.ts'
import { metricsPath, originalName, shortId } from './resources.ts'

export interface NameQuery {
  readonly name: string
  /** A slot, a node's name or id, or a container's id. */
  readonly replica?: string
  /** The node whose agent is asked: what belongs to nodes is first looked for there. */
  readonly node: NodeId
  /** Only what runs on that node. */
  readonly scope?: 'node'
  /** The number of each container's endpoint; the first if absent. */
  readonly endpoint?: number
}

export interface Replica {
  /** Its slot, or its number in Compose. */
  readonly slot: string
  /** Absent: the slot is meant to run, and no container of it is known. */
  readonly entry?: Entry
}

export type Resolution =
  /** One container, whose metrics are served unchanged. */
  | { readonly kind: 'one'; readonly full: string; readonly entry: Entry }
  /** A service, whose replicas are served together, in the order of their slots. May be empty. */
  | { readonly kind: 'replicas'; readonly full: string; readonly replicas: readonly Replica[] }
  /** It exists, but not on the one node to which the query is limited. */
  | { readonly kind: 'elsewhere'; readonly full: string }
  | { readonly kind: 'refused'; readonly failure: Failure }

const maxPaths = 20
const maxNameLength = 200

export function unknownName(name: string, known: Iterable<string>): Resolution {
  const near = [...new Set([...nearMisses(name, known), ...nearMisses(originalName(name), known)])]
  return refused(
    'unknown',
    `no container or service is named ${quoted(name)}`,
    near.map((one) => metricsPath(one)),
  )
}

export function unknownReplica(name: string, replica: string, paths: readonly string[]): Resolution {
  return refused('unknown', `${quoted(name)} has no replica ${quoted(replica)}`, paths)
}

export function unknownEndpoint(
  { name, replica, endpoint }: NameQuery,
  numbers: readonly number[],
): Resolution {
  const path = metricsPath(name, ...(replica === undefined ? [] : [replica]))
  const paths = [path, ...numbers.map((number) => `${path}?endpoint=${number}`)]
  return refused('unknown', `${quoted(name)} has no endpoint ${endpoint}`, paths)
}

export function notOnNode(
  full: string,
  owners: readonly NodeId[],
  node: NodeId,
  { nameOf }: NodeNames,
): Resolution {
  const paths = owners.map((owner) => metricsPath(full, nameOf(owner)))
  return refused('unknown', `${quoted(full)} has no container on ${nameOf(node)}`, paths)
}

export function notRunning(full: string, slot?: string): Resolution {
  const what = slot === undefined ? quoted(full) : `slot ${slot} of ${quoted(full)}`
  return refused('stopped', `${what} has no container`, [])
}

export function ambiguous(name: string, paths: readonly string[]): Failure {
  return failureOf('ambiguous', `${quoted(name)} means more than one thing`, paths)
}

/** For each resource the shortest path that tells it from the others. */
export function distinctPaths(states: readonly ResourceState[], { nameOf }: NodeNames): readonly string[] {
  return [...Map.groupBy(states, ({ resource }) => resource.full)].flatMap(([full, alike]) => {
    if (alike.length === 1) return [metricsPath(full)]
    const owners = alike.flatMap(({ resource }) => resource.owner ?? [])
    if (new Set(owners).size === alike.length) return owners.map((owner) => metricsPath(full, nameOf(owner)))
    return alike.flatMap(({ members }) => members.map((entry) => idPath(full, entry)))
  })
}

/** The path that always tells a container from every other. */
export function idPath(name: string, { target }: Entry): string {
  return metricsPath(name, shortId(target.id))
}

function refused(code: 'unknown' | 'stopped', reason: string, paths: readonly string[]): Resolution {
  return { kind: 'refused', failure: failureOf(code, reason, paths) }
}

function failureOf(code: Failure['code'], reason: string, paths: readonly string[]): Failure {
  if (paths.length === 0) return { code, reason }
  const more = paths.length > maxPaths ? ` and ${paths.length - maxPaths} more` : ''
  const hint = `request ${paths.length > 1 ? 'one of ' : ''}${paths.slice(0, maxPaths).join(' ')}${more}`
  return { code, reason, hint }
}

/** Names come from clients: quoted so that they can't be taken for anything else, and of limited length. */
function quoted(name: string): string {
  return JSON.stringify(name.length > maxNameLength ? `${name.slice(0, maxNameLength)}…` : name)
}
