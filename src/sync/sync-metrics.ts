// Sync's part of the agent's own metrics.

import type { PeerView } from '../model.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { MeshOptions } from './mesh.ts'
import type { Message } from './messages.ts'

interface SyncMetrics {
  readonly counters: MeshOptions['counters']
  refused(reason: string): void
  refreshed(durationMs: number): void
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export function createSyncMetrics(metrics: Metrics, peers: () => readonly PeerView[]): SyncMetrics {
  const sent = metrics.counter(
    'app_metrics_proxy_sync_sent_messages_total',
    'Messages sent to peers, by kind.',
  )
  const sentBytes = metrics.counter(
    'app_metrics_proxy_sync_sent_bytes_total',
    'Bytes of messages sent to peers, before encryption, by kind.',
  )
  const received = metrics.counter(
    'app_metrics_proxy_sync_received_messages_total',
    'Messages received from peers, by kind.',
  )
  const lost = metrics.counter('app_metrics_proxy_sync_links_lost_total', 'Links to peers that were lost.')
  const refused = metrics.counter(
    'app_metrics_proxy_sync_refused_total',
    'Connections to the SSH port that were refused: unproven (another secret, or no agent at all), full (too many at once, or after too many failures).',
  )
  const lag = metrics.histogram(
    'app_metrics_proxy_sync_lag_seconds',
    'How old new metrics of a peer were when they became visible here.',
    seconds,
  )
  const refreshes = metrics.histogram(
    'app_metrics_proxy_sync_refresh_seconds',
    'How long requests to owners for new metrics took, until these had arrived.',
    seconds,
  )
  for (const reason of ['unproven', 'full']) refused.add(0, { reason })
  lost.add(0)
  metrics.registerCollector('app_metrics_proxy_sync_peers', 'gauge', 'Addresses of peers, by state.', () =>
    ['connected', 'connecting', 'failed'].map(
      (state) => [{ state }, peers().filter((peer) => peer.state === state).length] as const,
    ),
  )
  return {
    counters: {
      sent(message, bytes) {
        const kind = kindOf(message)
        sent.add(1, { kind })
        sentBytes.add(bytes, { kind })
      },
      received: (kind) => received.add(1, { kind }),
      pageVisible: (delayMs) => lag.observe(delayMs / 1000),
      linkLost: () => lost.add(1),
    },
    refused: (reason) => refused.add(1, { reason }),
    refreshed: (durationMs) => refreshes.observe(durationMs / 1000),
  }
}

/** Deltas and full pages are counted apart. */
function kindOf(message: Message): string {
  return message.kind === 'page' ? (message.base > 0 ? 'page_delta' : 'page_full') : message.kind
}
