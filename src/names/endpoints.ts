// From containers to one of their endpoints after the first, which are targets of their own. Names mean containers: the
// same container is active in a slot for all of its endpoints.

import { type Entry, endpointId } from '../model.ts'
import { type NameQuery, type Resolution, unknownEndpoint } from './resolution.ts'

export interface EndpointSource {
  entry(owner: Entry['owner'], id: string): Entry | undefined
  /** Those that a container has after the first, in the order of their numbers. */
  endpointsOf(container: Entry): readonly number[]
}

/** What the query's name was resolved to, with the endpoint of the query. Replicas that lack it are left out. */
export function atEndpoint(resolution: Resolution, query: NameQuery, source: EndpointSource): Resolution {
  const { endpoint = 1 } = query
  if (endpoint === 1 || !('full' in resolution) || resolution.kind === 'elsewhere') return resolution
  const replicas = resolution.kind === 'one' ? [resolution] : resolution.replicas
  const containers = replicas.flatMap(({ entry }) => entry ?? [])
  const known = new Set(containers.flatMap(source.endpointsOf))
  if (containers.length > 0 && !known.has(endpoint)) return unknownEndpoint(query, [...known].sort())
  const full = `${resolution.full}?endpoint=${endpoint}`
  const at = (entry: Entry) => entryAt(entry, endpoint, source)
  if (resolution.kind === 'one') return { ...resolution, full, entry: at(resolution.entry) }
  const having = resolution.replicas.filter(
    ({ entry }) => !entry || source.endpointsOf(entry).includes(endpoint),
  )
  return {
    ...resolution,
    full,
    replicas: having.map((replica) => (replica.entry ? { ...replica, entry: at(replica.entry) } : replica)),
  }
}

/** Its owner may not have listed it yet: an agent learns only from managers what the labels of a service are. */
function entryAt(container: Entry, number: number, source: EndpointSource): Entry {
  const id = endpointId(container.target.id, number)
  const { endpoint, snapshot, ...rest } = container
  const target = { ...container.target, id }
  const unlisted: Entry = { ...rest, target, finding: { kind: 'searching' }, history: [] }
  return source.entry(container.owner, id) ?? unlisted
}
