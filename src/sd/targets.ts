// The targets as Prometheus receives them: address and labels of every replica and every agent.
//
// A target's identity is its URL and all its labels but `__meta_…`. So no other label may differ by the agent
// that is asked, or change as a replica moves.

import { type EndpointSettings, jobOf } from '../labels/settings.ts'
import {
  agentName,
  agentTarget,
  type Entry,
  endpointId,
  type Labels,
  type NodeId,
  type NodeView,
  type SwarmState,
} from '../model.ts'
import { nodeNamesOf } from '../names/node-names.ts'
import { compoundKey, replicaNameOf, slotName } from '../names/resources.ts'
import { promDuration } from '../promql/literals.ts'
import type { DiscoveredTarget } from '../status/shape.ts'
import { type ListedReplica, listReplicas } from './replicas.ts'
import { swarmLabels } from './swarm-labels.ts'

interface ClusterView {
  readonly entries: Iterable<Entry>
  readonly nodes: readonly NodeView[]
  readonly swarmState: SwarmState | undefined
  /** `CLUSTER`, where it is set. */
  readonly cluster: string | undefined
}

/** A line of the list, with the container or agent that it is about: none for the Swarm, or a slot without a container. */
export interface ListedTarget {
  readonly owner: NodeId | undefined
  readonly id: string | undefined
  readonly target: DiscoveredTarget
}

/** By job and instance, and each pair once: a second one would double the series. */
export function listTargets(view: ClusterView): readonly ListedTarget[] {
  const context = contextOf(view)
  const connected = new Set(view.nodes.filter(isConnected).map(({ self }) => self.node))
  const replicas = listReplicas({ ...view, isConnected: (node) => connected.has(node) })
  const byKey = new Map<string, ListedTarget>()
  for (const listed of [
    ...agentTargets(view.nodes, context),
    ...swarmTarget(view.nodes, context),
    ...replicas.map((replica) => replicaTarget(replica, context)),
  ]) {
    const { job, instance } = listed.target.labels
    const key = compoundKey(job!, instance!)
    if (!byKey.has(key)) byKey.set(key, listed)
  }
  return [...byKey.keys()].sort().map((key) => byKey.get(key)!)
}

interface ListingContext {
  readonly swarmState: SwarmState | undefined
  /** A node's name, unique in the cluster. */
  readonly nameOf: (node: NodeId) => string
  readonly clusterOf: (node: NodeId | undefined) => string
  /** The address of the owner's agent; of any agent for a slot that has no container. */
  readonly addressOf: (node: NodeId | undefined) => string
}

function contextOf({ nodes, swarmState, cluster }: ClusterView): ListingContext {
  const byId = new Map(nodes.map((node) => [node.self.node, node]))
  const { hostnameOf, nameOf } = nodeNamesOf(nodes, swarmState)
  const any = nodes.toSorted(connectedFirst)[0]
  return {
    swarmState,
    nameOf,
    clusterOf: (node) => cluster ?? swarmState?.swarmId ?? (node === undefined ? '' : hostnameOf(node)),
    addressOf: (node) => (byId.get(node ?? '') ?? any)!.self.advertise,
  }
}

function isConnected({ link }: NodeView): boolean {
  return link !== 'lost'
}

function connectedFirst(a: NodeView, b: NodeView): number {
  return Number(isConnected(b)) - Number(isConnected(a)) || (a.self.node < b.self.node ? -1 : 1)
}

/** Each agent's own metrics; through any agent where all share one address. */
function agentTargets(nodes: readonly NodeView[], context: ListingContext): readonly ListedTarget[] {
  const byAddress = Map.groupBy(nodes, ({ self }) => self.advertise)
  return nodes.map(({ self }) => {
    const name = context.nameOf(self.node)
    const isShared = byAddress.get(self.advertise)!.length > 1
    const labels = {
      __metrics_path__: isShared ? `/${agentName}/${name}/metrics` : '/metrics',
      job: agentName,
      instance: `${agentName}@${name}`,
      service: agentName,
      cluster: context.clusterOf(self.node),
      node: name,
    }
    return { owner: self.node, id: agentTarget, target: { targets: [self.advertise], labels } }
  })
}

/** What the managers know: the same from every agent. Without labels that its metrics have themselves. */
function swarmTarget(nodes: readonly NodeView[], context: ListingContext): readonly ListedTarget[] {
  const node = nodes.filter(({ self }) => self.swarm).toSorted(connectedFirst)[0]?.self.node
  if (node === undefined) return []
  const labels = {
    __metrics_path__: '/-/swarm',
    job: agentName,
    instance: 'swarm',
    cluster: context.clusterOf(node),
  }
  return [{ owner: undefined, id: undefined, target: { targets: [context.addressOf(node)], labels } }]
}

function replicaTarget(replica: ListedReplica, context: ListingContext): ListedTarget {
  const { service, stack, slot, entry, endpoint, settings } = replica
  const node = entry && context.nameOf(entry.owner)
  const named = entry ? replicaNameOf(entry.target, node!) : slotName(service, slot!)
  // any node may run a slot
  const isOnNode = entry && entry.target.place.kind !== 'replicated'
  const labels = {
    ...settings.labels,
    __metrics_path__: `/${named.name}/${named.replica}/metrics`,
    job: jobOf(settings, service, stack),
    instance: named.instance + settings.instanceSuffix,
    service,
    cluster: context.clusterOf(entry?.owner),
    ...(stack !== undefined && { stack }),
    ...(slot !== undefined && { slot }),
    ...(isOnNode && { node: node! }),
    ...scrapeLabels(settings),
    ...(endpoint > 1 && { __param_endpoint: `${endpoint}` }),
    ...swarmLabels(replica, context.swarmState),
  }
  return {
    owner: entry?.owner,
    id: entry && endpointId(entry.target.id, endpoint),
    target: { targets: [context.addressOf(entry?.owner)], labels },
  }
}

const prometheusDefaultTimeoutMs = 10_000
/** To the agent these mean something themselves. A container's own ones are only in the URL by which it is scraped. */
const agentParameters = new Set(['endpoint', 'scope'])

/**
 * Prometheus drops a target whose timeout exceeds its interval, and either may come from its own configuration:
 * so both are set or none.
 */
function scrapeLabels({ intervalMs, timeoutMs, params }: EndpointSettings): Labels {
  const parameters = Object.entries(params)
    .filter(([name]) => !agentParameters.has(name))
    .map(([name, value]) => [`__param_${name}`, value])
  const timeout = timeoutMs?.value ?? Math.min(intervalMs?.value ?? 0, prometheusDefaultTimeoutMs)
  return {
    ...(intervalMs && {
      __scrape_interval__: promDuration(intervalMs.value),
      __scrape_timeout__: promDuration(timeout),
    }),
    ...Object.fromEntries(parameters),
  }
}
