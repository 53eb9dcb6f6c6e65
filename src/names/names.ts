// From a name to what it means. Never one of several at random, never a mix of two things: an ambiguous name is
// refused, with the paths that are not.

import type { Failure } from '../errors.ts'
import type { NodeId } from '../model.ts'
import type { Store } from '../store/store.ts'
import { atEndpoint, type EndpointSource } from './endpoints.ts'
import { createNameIndex, type IndexSource, type ResourceState } from './name-index.ts'
import { type NodeNames, nodeNamesOf } from './node-names.ts'
import { findReplica, type ReplicaQuery, replicaPaths } from './replica-lookup.ts'
import {
  ambiguous,
  distinctPaths,
  type NameQuery,
  type Resolution,
  unknownName,
  unknownReplica,
} from './resolution.ts'
import { type NameFromLabels, nameLevels } from './resources.ts'
import { isCurrent, resolveAll, resolveOnNode } from './service-replicas.ts'

export interface Names {
  lookUp(query: NameQuery): Resolution
  /**
   * The names, full or short, that mean more than one thing on `node`, each as a look-up of it is refused. A name that
   * each node has one container of is meant to be so, and not among them.
   */
  ambiguities(node: NodeId): readonly Failure[]
}

export function createNames(
  source: IndexSource & Pick<Store, 'nodes'>,
  nameFromLabels: NameFromLabels,
  endpointsOf: EndpointSource['endpointsOf'] = () => [],
): Names {
  const index = createNameIndex(source, nameFromLabels)
  const nodeNames = () => nodeNamesOf(source.nodes(), source.swarmState()?.value)

  /** The resources of this name on the first level on which it has any. */
  function find(name: string): readonly ResourceState[] {
    for (const level of nameLevels) {
      const found = index.find(level, name)
      if (found.length > 0) return found
    }
    return []
  }

  function lookUpReplica(query: ReplicaQuery, found: readonly ResourceState[]) {
    const { name, replica } = query
    const nodes = nodeNames()
    // A container that has the agents' own name is asked for by its id.
    const namesakes = index.find('agent', name).length > 0 ? index.find('full', name) : []
    const paths = () => [...found, ...namesakes].flatMap((state) => replicaPaths(name, state, nodes))
    return (
      findReplica(query, found, nodes) ??
      findReplica(query, namesakes, nodes) ??
      unknownReplica(name, replica, paths())
    )
  }

  function lookUpContainers(query: NameQuery): Resolution {
    const { name, replica } = query
    const found = find(name)
    if (found.length === 0) return unknownName(name, index.names())
    if (replica !== undefined) return lookUpReplica({ ...query, replica }, found)
    return resolve(query, found, nodeNames())
  }

  return {
    lookUp: (query) => atEndpoint(lookUpContainers(query), query, { entry: source.entry, endpointsOf }),
    ambiguities(node) {
      const shared = new Set([...index.shared('full'), ...index.shared('short')])
      return [...shared].flatMap((name) => {
        const meanings = meaningsOf(find(name), node)
        if (new Set(meanings.map(({ resource }) => resource.fullName)).size < 2) return []
        return [ambiguous(name, distinctPaths(meanings, nodeNames()))]
      })
    },
  }
}

function resolve(
  { name, node, scope }: NameQuery,
  found: readonly ResourceState[],
  nodes: NodeNames,
): Resolution {
  const isOnNode = ({ resource }: ResourceState) => resource.owner === undefined || resource.owner === node
  const all = meaningsOf(found, node)
  const meanings = scope === 'node' ? all.filter(isOnNode) : all
  const [only, ...others] = meanings
  if (!only) return { kind: 'elsewhere', fullName: name }
  if (others.length > 0) return { kind: 'failed', failure: ambiguous(name, distinctPaths(meanings, nodes)) }
  return scope === 'node'
    ? resolveOnNode(only, node, nodes)
    : resolveAll(only, only.resource.owner ?? node, nodes)
}

/**
 * What a name can still mean. What runs comes before what doesn't; of what belongs to nodes the asked node's own comes
 * first, even if it has ended: another node's of the same name is a different container.
 */
function meaningsOf(found: readonly ResourceState[], node: NodeId): readonly ResourceState[] {
  const services = found.filter(({ resource }) => resource.owner === undefined)
  const perNode = found.filter(({ resource }) => resource.owner !== undefined)
  const running = services.filter(isCurrent)
  if (running.length > 0) return [...running, ...perNode.filter(isCurrent)]
  const onAskedNode = perNode.filter(({ resource }) => resource.owner === node)
  if (onAskedNode.length > 0) return currentFirst(onAskedNode)
  return perNode.length > 0 ? currentFirst(perNode) : services
}

function currentFirst(states: readonly ResourceState[]): readonly ResourceState[] {
  const current = states.filter(isCurrent)
  return current.length > 0 ? current : states
}
