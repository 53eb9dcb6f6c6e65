// From containers to one of their endpoints after the first, which are targets of their own. Names mean containers: the
// same container is active in a slot for all of its endpoints.

import { type Entry, endpointId, endpointNumbers } from '../model.ts'
import { type NameQuery, type Resolution, unknownEndpoint } from './resolution.ts'

export interface EndpointSource {
  entry(owner: Entry['owner'], id: string): Entry | undefined
  /** Those that a container has after the first by its labels and its service's, as far as they are known here. */
  endpointsOf(container: Entry): readonly number[]
}

/** What the query's name was resolved to, with the endpoint of the query. Replicas that lack it are left out. */
export function atEndpoint(resolution: Resolution, query: NameQuery, source: EndpointSource): Resolution {
  const { endpoint = 1 } = query
  if (endpoint === 1 || !('fullName' in resolution) || resolution.kind === 'elsewhere') return resolution
  const replicas = resolution.kind === 'one' ? [resolution] : resolution.replicas
  const containers = replicas.flatMap(({ entry }) => entry ?? [])
  const numbersOf = (container: Entry) => numbersIn(container, source)
  const known = new Set(containers.flatMap(numbersOf))
  if (containers.length > 0 && !known.has(endpoint)) return unknownEndpoint(query, [...known].sort())
  const fullName = `${resolution.fullName}?endpoint=${endpoint}`
  const at = (entry: Entry) => entryAt(entry, endpoint, source)
  if (resolution.kind === 'one') return { ...resolution, fullName, entry: at(resolution.entry) }
  const replicasWithEndpoint = resolution.replicas.filter(
    ({ entry }) => !entry || numbersOf(entry).includes(endpoint),
  )
  return {
    ...resolution,
    fullName,
    replicas: replicasWithEndpoint.map((replica) =>
      replica.entry ? { ...replica, entry: at(replica.entry) } : replica,
    ),
  }
}

/** Also those that only the owner knows: the labels of a service are not known outside of its Swarm. */
function numbersIn(container: Entry, source: EndpointSource): readonly number[] {
  const { owner, target } = container
  const labelled = source.endpointsOf(container)
  return endpointNumbers
    .slice(1)
    .filter((number) => labelled.includes(number) || source.entry(owner, endpointId(target.id, number)))
}

/** Its owner may not have listed it yet: an agent learns only from managers what the labels of a service are. */
function entryAt(container: Entry, number: number, source: EndpointSource): Entry {
  const id = endpointId(container.target.id, number)
  const { endpoint, snapshot, ...rest } = container
  const target = { ...container.target, id }
  const unlisted: Entry = { ...rest, target, probeResult: { kind: 'searching' }, history: [] }
  return source.entry(container.owner, id) ?? unlisted
}
