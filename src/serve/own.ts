// `/metrics`: what the agent tells of itself.

import type { FastifyInstance } from 'fastify'
import type { Clock } from '../clock.ts'
import type { Entry, NodeView, Page } from '../model.ts'
import type { Metrics } from '../telemetry.ts'
import type { Render } from './rendering.ts'

export interface OwnPageDeps {
  readonly clock: Clock
  readonly metrics: Metrics
  readonly version: string
  readonly render: Render
  entries(): Iterable<Entry>
  nodes(): readonly NodeView[]
}

export function serveOwnPage(server: FastifyInstance, deps: OwnPageDeps): void {
  observeCluster(deps)
  server.get('/metrics', async (request, reply) => {
    const body = Buffer.from(deps.metrics.print())
    const page: Page = { format: 'text/0.0.4', body, size: body.length, series: 0, remarks: [] }
    const { accept, 'accept-encoding': acceptEncoding } = request.headers
    const rendered = await deps.render(page, { accept, acceptEncoding })
    reply.header('content-type', rendered.type).header('vary', 'accept, accept-encoding')
    if (rendered.encoding) reply.header('content-encoding', rendered.encoding)
    return reply.send(rendered.body)
  })
}

/** What can be read off the store whenever somebody asks. */
function observeCluster({ clock, metrics, version, entries, nodes }: OwnPageDeps): void {
  metrics.gauge('app_metrics_proxy_build_info', 'Which version runs here.').set(1, { version })

  metrics.observe(
    'app_metrics_proxy_targets',
    'gauge',
    'Containers known, by node and by what became of them.',
    () =>
      [...Map.groupBy(entries(), (entry) => `${hostnameOf(entry, nodes())} ${stateOf(entry)}`)].map(
        ([key, alike]) => {
          const cut = key.lastIndexOf(' ')
          return [{ node: key.slice(0, cut), state: key.slice(cut + 1) }, alike.length] as const
        },
      ),
  )
  metrics.observe(
    'app_metrics_proxy_oldest_snapshot_age_seconds',
    'gauge',
    'The age of the oldest page held of a node’s running containers.',
    () =>
      [...Map.groupBy(entries(), (entry) => hostnameOf(entry, nodes()))].map(([node, all]) => {
        const ages = all.flatMap(({ snapshot, ended }) =>
          snapshot && !ended ? clock.now() - snapshot.at : [],
        )
        return [{ node }, ages.reduce((a, b) => Math.max(a, b), 0) / 1000] as const
      }),
  )
  metrics.observe('app_metrics_proxy_link_up', 'gauge', 'Whether the agent of this node can be asked.', () =>
    nodes().map(
      ({ self, link }) => [{ node: self.hostname, node_id: self.node }, link === 'lost' ? 0 : 1] as const,
    ),
  )
  metrics.observe(
    'app_metrics_proxy_link_round_trip_seconds',
    'gauge',
    'The last round trip to the agent of this node.',
    () =>
      nodes().flatMap(({ self, roundTrip }) =>
        roundTrip === undefined
          ? []
          : [[{ node: self.hostname, node_id: self.node }, roundTrip / 1000] as const],
      ),
  )
}

type State = 'up' | 'failing' | 'searching' | 'none' | 'ended'

function stateOf({ ended, snapshot, finding, endpoint }: Entry): State {
  if (ended) return 'ended'
  if (finding.kind === 'none') return 'none'
  if (!endpoint || !snapshot) return 'searching'
  return snapshot.ok ? 'up' : 'failing'
}

function hostnameOf({ owner }: Entry, nodes: readonly NodeView[]): string {
  return nodes.find(({ self }) => self.node === owner)?.self.hostname ?? owner
}
