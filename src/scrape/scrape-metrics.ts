// The agent's own metrics of its scrapes.

import type { Snapshot } from '../model.ts'
import type { Metrics } from '../runtime/metrics.ts'

interface ScrapeCounters {
  scraped(snapshot: Snapshot): void
  /** How long after it was due a scheduled scrape began. */
  late(delayMs: number): void
}

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const bytesBuckets = [1, 4, 16, 64, 256, 1024, 4096, 16_384].map((kib) => kib * 1024)

export function countScrapes(metrics: Metrics, waiting: () => number): ScrapeCounters {
  const total = metrics.counter('app_metrics_proxy_scrapes_total', 'Scrapes of containers of this node.')
  const failures = metrics.counter(
    'app_metrics_proxy_scrape_failures_total',
    'Scrapes of containers of this node that brought no valid metrics, by reason.',
  )
  const duration = metrics.histogram(
    'app_metrics_proxy_scrape_duration_seconds',
    'How long scrapes took, failed ones included.',
    secondsBuckets,
  )
  const size = metrics.histogram(
    'app_metrics_proxy_scrape_size_bytes',
    'The size of the metrics that were scraped, uncompressed.',
    bytesBuckets,
  )
  const delay = metrics.histogram(
    'app_metrics_proxy_scrape_delay_seconds',
    'How long after they were due scheduled scrapes began.',
    secondsBuckets,
  )
  metrics.registerCollector(
    'app_metrics_proxy_scrapes_waiting',
    'gauge',
    'Scrapes that wait for a slot.',
    () => [[{}, waiting()]],
  )
  total.add(0)
  return {
    scraped(snapshot) {
      total.add(1)
      duration.observe(snapshot.durationMs / 1000)
      if (snapshot.ok) size.observe(snapshot.page.size)
      else failures.add(1, { reason: snapshot.failure.code })
    },
    late: (delayMs) => delay.observe(delayMs / 1000),
  }
}
