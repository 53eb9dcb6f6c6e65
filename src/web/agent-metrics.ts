// `/metrics`: the agent's own metrics, with what it knows of the cluster; and `/-/swarm`: what the managers know.

import type { FastifyInstance } from 'fastify'
import type { Clock } from '../clock.ts'
import type { Entry, Labels, MetricsPage, NodeId } from '../model.ts'
import { type Metrics, pageOf } from '../runtime/metrics.ts'
import type { NodeStatus, Problem, TargetState } from '../status/shape.ts'
import { type Rendering, sendRendered } from './rendering.ts'

interface AgentMetricsDeps {
  readonly clock: Clock
  readonly metrics: Metrics
  readonly version: string
  /** As the status page shows them: with what was scraped last, text or protobuf. */
  entries(): Iterable<Entry>
  nodes(): readonly NodeStatus[]
  /** As the status page shows it; a target of a node that is not connected is lost. */
  targetStates(nodes: readonly NodeStatus[]): (entry: Entry) => TargetState
  problems(): readonly Problem[]
  /** Throws why there is none. */
  swarmMetrics(): MetricsPage
}

export function serveAgentMetrics(
  server: FastifyInstance,
  rendering: Pick<Rendering, 'render'>,
  deps: AgentMetricsDeps,
): void {
  registerClusterMetrics(deps)
  server.get('/metrics', async (request, reply) => {
    return sendRendered(reply, await rendering.render(pageOf(deps.metrics), request))
  })
  server.get('/-/swarm', async (request, reply) =>
    sendRendered(reply, await rendering.render(deps.swarmMetrics(), request)),
  )
}

function registerClusterMetrics(deps: AgentMetricsDeps): void {
  const { clock, metrics, version, entries, nodes, problems } = deps
  const gauge = (name: string, help: string, collect: Parameters<Metrics['registerCollector']>[3]) =>
    metrics.registerCollector(`app_metrics_proxy_${name}`, 'gauge', help, collect)

  gauge('build_info', 'The version of this agent.', () => [[{ version }, 1]])
  gauge('targets', 'Targets, by node and state, with the states of the status page.', () => {
    const known = nodes()
    return countTargets(entries(), hostnamesOf(known), deps.targetStates(known))
  })
  gauge('oldest_snapshot_age_seconds', 'Age of the oldest metrics of a running container, by node.', () =>
    oldestSnapshots(entries(), hostnamesOf(nodes()), clock.now()),
  )
  gauge('link_up', 'Whether the agent of this node is connected, where one is expected.', () =>
    nodes()
      .filter(({ expected }) => expected)
      .map((node) => [nodeLabels(node), node.link === 'self' || node.link === 'up' ? 1 : 0]),
  )
  gauge('link_round_trip_seconds', 'The last round trip to the agent of this node.', () =>
    nodes().flatMap((node) =>
      node.roundTrip === undefined ? [] : [[nodeLabels(node), node.roundTrip] as const],
    ),
  )
  gauge('problems', 'Problems at /health and on the status page.', () => countProblems(problems()))
}

type GaugeSample = readonly [Labels, number]
type Hostnames = ReadonlyMap<NodeId, string>

function hostnamesOf(nodes: readonly NodeStatus[]): Hostnames {
  return new Map(nodes.map(({ id, name }) => [id, name]))
}

function nodeLabels({ id, name }: NodeStatus): Labels {
  return { node: name, node_id: id }
}

/** With the node's id, since two nodes may have the same hostname. */
function ownerLabels(owner: NodeId, names: Hostnames): Labels {
  return { node: names.get(owner) ?? owner, node_id: owner }
}

function* countTargets(
  entries: Iterable<Entry>,
  names: Hostnames,
  stateOf: (entry: Entry) => TargetState,
): Iterable<GaugeSample> {
  const byOwner = Map.groupBy(entries, ({ owner }) => owner)
  for (const [owner, owned] of byOwner)
    for (const [state, { length }] of Map.groupBy(owned, stateOf))
      yield [{ ...ownerLabels(owner, names), state }, length]
}

function* oldestSnapshots(entries: Iterable<Entry>, names: Hostnames, now: number): Iterable<GaugeSample> {
  const oldest = new Map<NodeId, number>()
  for (const { owner, snapshot, ended } of entries)
    if (snapshot && !ended) oldest.set(owner, Math.max(oldest.get(owner) ?? 0, now - snapshot.at))
  for (const [owner, ageMs] of oldest) yield [ownerLabels(owner, names), ageMs / 1000]
}

function countProblems(problems: readonly Problem[]): readonly GaugeSample[] {
  const alike = Map.groupBy(problems, ({ severity, about }) => `${severity} ${about}`)
  return [...alike.values()].map((of) => [{ severity: of[0]!.severity, about: of[0]!.about }, of.length])
}
