// The status: pure functions from what the agent knows to the documented JSON.

import type { Config } from '../config/config.ts'
import type { Entry, Mono, NodeId, Self, SwarmState } from '../model.ts'
import type { Store } from '../store/store.ts'
import { nodesOf } from './nodes.ts'
import type {
  ClientStatus,
  ConfigStatus,
  DiscoveredTarget,
  NodeStatus,
  Problem,
  ServiceStatus,
  Status,
  TargetState,
} from './shape.ts'
import { type Outcome, stateOf, type TargetContext, targetOf, unixTime } from './target.ts'

/** What the status is made from, read for every response. */
export interface StatusView extends Pick<Store, 'entries' | 'entry' | 'nodes' | 'swarmState'> {
  readonly version: string
  readonly config: Pick<Config, 'scrapeIntervalMs' | 'maxAgeMs' | 'staleAfterMs' | 'forgetAfterMs'>
  /** Undefined until Docker has been read for the first time. */
  self(): Self | undefined
  cluster(): string
  /** The target as service discovery lists it, if it does. */
  discoveredTarget(owner: NodeId, id: string): DiscoveredTarget | undefined
  /** What has become of its scrapes. */
  outcomeOf(entry: Entry): Outcome
  clients(): readonly ClientStatus[]
  /** The problems of the cluster with these nodes. */
  problems(nodes: readonly NodeStatus[]): readonly Problem[]
}

export function statusOf(view: StatusView, now: Mono): Status {
  const head = headOf(view)
  const contextOf = targetContexts(head.nodes, view.swarmState()?.value)
  return {
    time: unixTime(now),
    ...head,
    targets: Array.from(view.entries(), (entry) =>
      targetOf(entry, contextOf(entry.owner), view.outcomeOf(entry)),
    ),
  }
}

/** Everything but the targets. Times, not ages: no problem's text changes only because time passes. */
export function headOf(view: StatusView): Omit<Status, 'time' | 'targets'> {
  const swarmState = view.swarmState()?.value
  const nodes = nodesOf(view.nodes(), swarmState)
  const self = view.self()
  return {
    version: view.version,
    cluster: view.cluster(),
    nodeId: self?.node ?? '',
    config: configStatusOf(view.config, self),
    nodes,
    services: servicesOf(swarmState?.services, self?.service),
    problems: view.problems(nodes),
    clients: view.clients(),
  }
}

function configStatusOf(config: StatusView['config'], self: Self | undefined): ConfigStatus {
  return {
    scrapeInterval: config.scrapeIntervalMs / 1000,
    maxAge: config.maxAgeMs === 'off' ? 'off' : config.maxAgeMs / 1000,
    staleAfter: config.staleAfterMs / 1000,
    forgetAfter: config.forgetAfterMs / 1000,
    advertise: self?.advertise ?? '',
  }
}

/** All but the agents' own service, which is never a target. */
function servicesOf(
  services: SwarmState['services'] = noServices,
  own: string | undefined,
): readonly ServiceStatus[] {
  return [...services.values()]
    .filter(({ name }) => name !== own)
    .map(({ name, mode, replicas, running, slots, updateState }) => ({
      ...{ name, mode, replicas, running, slots },
      ...(updateState !== undefined && { updateState }),
    }))
}

/** The context of a node's targets. A node that isn't known counts as lost. */
export function targetContexts(
  nodes: readonly NodeStatus[],
  swarmState: SwarmState | undefined,
): (owner: NodeId) => TargetContext {
  const services = swarmState?.services ?? noServices
  const known = new Map(
    nodes.map(({ id, name, link }) => [
      id,
      { node: name, isLost: link === 'lost' || link === 'none', services },
    ]),
  )
  return (owner) => known.get(owner) ?? { node: owner, isLost: true, services }
}

/** The state of a target as it is shown. */
export function targetStates(nodes: readonly NodeStatus[]): (entry: Entry) => TargetState {
  const contextOf = targetContexts(nodes, undefined)
  return (entry) => stateOf(entry, contextOf(entry.owner).isLost)
}

const noServices: SwarmState['services'] = new Map()
