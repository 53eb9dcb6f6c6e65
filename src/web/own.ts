// `/metrics`: what the agent tells of itself.

import type { FastifyInstance } from 'fastify'
import type { Clock } from '../clock.ts'
import type { Entry, Labels, NodeId } from '../model.ts'
import { plainPage } from '../model.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { NodeStatus, Problem } from '../status/shape.ts'
import type { Rendering } from './rendering.ts'

export interface OwnPageDeps {
  readonly clock: Clock
  readonly metrics: Metrics
  readonly version: string
  readonly render: Rendering['render']
  entries(): Iterable<Entry>
  nodes(): readonly NodeStatus[]
  problems(): readonly Problem[]
}

export function serveOwnPage(server: FastifyInstance, deps: OwnPageDeps): void {
  observeCluster(deps)
  server.get('/metrics', async (request, reply) => {
    const body = Buffer.from(deps.metrics.print())
    const page = plainPage(body, { format: 'text/0.0.4', series: 0, remarks: [] })
    const { accept, 'accept-encoding': acceptEncoding } = request.headers
    const rendered = await deps.render(page, { accept, acceptEncoding })
    reply.header('content-type', rendered.type).header('vary', 'accept, accept-encoding')
    if (rendered.encoding) reply.header('content-encoding', rendered.encoding)
    return reply.send(rendered.body)
  })
}

/** What can be read off the store whenever somebody asks. */
function observeCluster({ clock, metrics, version, entries, nodes, problems }: OwnPageDeps): void {
  const gauge = (name: string, help: string, collect: Parameters<Metrics['observe']>[3]) =>
    metrics.observe(`app_metrics_proxy_${name}`, 'gauge', help, collect)

  gauge('build_info', 'Which version runs here.', () => [[{ version }, 1]])
  gauge('targets', 'Containers known, by node and by what became of them.', () =>
    countTargets(entries(), hostnames(nodes())),
  )
  gauge(
    'oldest_snapshot_age_seconds',
    'The age of the oldest page held of a node’s running containers.',
    () => oldestPages(entries(), hostnames(nodes()), clock.now()),
  )
  gauge('link_up', 'Whether the agent of this node, where one is expected, can be asked.', () =>
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

type Sample = readonly [Labels, number]
type Hostnames = ReadonlyMap<NodeId, string>

function hostnames(nodes: readonly NodeStatus[]): Hostnames {
  return new Map(nodes.map(({ id, name }) => [id, name]))
}

function nodeLabels({ id, name }: NodeStatus): Labels {
  return { node: name, node_id: id }
}

/** By node id: two nodes may share a hostname, and a sample may stand only once. */
function ownerLabels(owner: NodeId, names: Hostnames): Labels {
  return { node: names.get(owner) ?? owner, node_id: owner }
}

function* countTargets(entries: Iterable<Entry>, names: Hostnames): Iterable<Sample> {
  const counts = new Map<NodeId, Map<State, number>>()
  for (const entry of entries) {
    const states = counts.get(entry.owner) ?? new Map<State, number>()
    counts.set(entry.owner, states)
    const state = stateOf(entry)
    states.set(state, (states.get(state) ?? 0) + 1)
  }
  for (const [owner, states] of counts)
    for (const [state, count] of states) yield [{ ...ownerLabels(owner, names), state }, count]
}

function* oldestPages(entries: Iterable<Entry>, names: Hostnames, now: number): Iterable<Sample> {
  const oldest = new Map<NodeId, number>()
  for (const { owner, snapshot, ended } of entries)
    if (snapshot && !ended) oldest.set(owner, Math.max(oldest.get(owner) ?? 0, now - snapshot.at))
  for (const [owner, age] of oldest) yield [ownerLabels(owner, names), age / 1000]
}

function countProblems(problems: readonly Problem[]): readonly Sample[] {
  const alike = Map.groupBy(problems, ({ severity, about }) => `${severity} ${about}`)
  return [...alike.values()].map((of) => [{ severity: of[0]!.severity, about: of[0]!.about }, of.length])
}

type State = 'up' | 'failing' | 'searching' | 'none' | 'ended'

function stateOf({ ended, snapshot, finding, endpoint }: Entry): State {
  if (ended) return 'ended'
  if (finding.kind === 'none') return 'none'
  if (!endpoint || !snapshot) return 'searching'
  return snapshot.ok ? 'up' : 'failing'
}
