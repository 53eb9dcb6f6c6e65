// What is looked up and what it is resolved to: containers, or why there are none with the paths to use instead.

import type { Failure } from '../errors.ts'
import type { Entry, NodeId } from '../model.ts'
import { nearMisses } from '../runtime/spelling.ts'
import type { ResourceState } from './name-index.ts'
import type { NodeNames } from './node-names.ts'
import { legacyName, metricsPath, shortId } from './resources.ts'

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
  | { readonly kind: 'one'; readonly fullName: string; readonly entry: Entry }
  /** A service, whose replicas are served together, in the order of their slots. May be empty. */
  | { readonly kind: 'replicas'; readonly fullName: string; readonly replicas: readonly Replica[] }
  /** It exists, but not on the one node to which the query is limited. */
  | { readonly kind: 'elsewhere'; readonly fullName: string }
  | { readonly kind: 'failed'; readonly failure: Failure }

const maxPaths = 20
const maxNameLength = 200

export function unknownName(name: string, known: Iterable<string>): Resolution {
  const near = [...new Set([...nearMisses(name, known), ...nearMisses(legacyName(name), known)])]
  return failed(
    'not_found',
    `no container or service is named ${quoted(name)}`,
    near.map((one) => metricsPath(one)),
  )
}

export function unknownReplica(name: string, replica: string, paths: readonly string[]): Resolution {
  return failed('not_found', `${quoted(name)} has no replica ${quoted(replica)}`, paths)
}

export function unknownEndpoint(
  { name, replica, endpoint }: NameQuery,
  numbers: readonly number[],
): Resolution {
  const path = metricsPath(name, ...(replica === undefined ? [] : [replica]))
  const paths = [path, ...numbers.map((number) => `${path}?endpoint=${number}`)]
  return failed('not_found', `${quoted(name)} has no endpoint ${endpoint}`, paths)
}

export function notOnNode(
  fullName: string,
  owners: readonly NodeId[],
  node: NodeId,
  { nameOf }: NodeNames,
): Resolution {
  const paths = owners.map((owner) => metricsPath(fullName, nameOf(owner)))
  return failed('not_found', `${quoted(fullName)} has no container on ${nameOf(node)}`, paths)
}

export function notRunning(fullName: string, slot?: string): Resolution {
  const what = slot === undefined ? quoted(fullName) : `slot ${slot} of ${quoted(fullName)}`
  return failed('stopped', `${what} has no container`, [])
}

export function ambiguous(name: string, paths: readonly string[]): Failure {
  return failureOf('ambiguous', `${quoted(name)} means more than one thing`, paths)
}

/** For each resource the shortest path that tells it from the others. */
export function distinctPaths(states: readonly ResourceState[], { nameOf }: NodeNames): readonly string[] {
  return [...Map.groupBy(states, ({ resource }) => resource.fullName)].flatMap(([full, alike]) => {
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

function failed(code: 'not_found' | 'stopped', reason: string, paths: readonly string[]): Resolution {
  return { kind: 'failed', failure: failureOf(code, reason, paths) }
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
