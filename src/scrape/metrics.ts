// What the agent tells of its own scraping.

import type { Snapshot } from '../model.ts'
import type { Limit } from '../runtime/limit.ts'
import type { Metrics } from '../runtime/metrics.ts'

export interface ScrapeCounters {
  scraped(snapshot: Snapshot): void
  /** How many milliseconds after it was due a scheduled scrape began. */
  late(ms: number): void
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const bytes = [1, 4, 16, 64, 256, 1024, 4096, 16_384].map((kib) => kib * 1024)

export function countScrapes(metrics: Metrics, limits: Readonly<Record<string, Limit>>): ScrapeCounters {
  const total = metrics.counter('app_metrics_proxy_scrapes_total', 'Scrapes of containers of this node.')
  const failures = metrics.counter(
    'app_metrics_proxy_scrape_failures_total',
    'Scrapes of containers of this node that brought no valid metrics, by reason.',
  )
  const duration = metrics.histogram(
    'app_metrics_proxy_scrape_duration_seconds',
    'How long scrapes durationMs, failed ones included.',
    seconds,
  )
  const size = metrics.histogram(
    'app_metrics_proxy_scrape_size_bytes',
    'The size of the pages that were scraped, unpacked.',
    bytes,
  )
  const delay = metrics.histogram(
    'app_metrics_proxy_scrape_delay_seconds',
    'How long after they were due scheduled scrapes began.',
    seconds,
  )
  metrics.observe(
    'app_metrics_proxy_scrapes_waiting',
    'gauge',
    'Scrapes that wait for a slot, by class.',
    () => Object.entries(limits).map(([name, { waiting }]) => [{ class: name }, waiting()] as const),
  )
  total.add(0)
  return {
    scraped(snapshot) {
      total.add(1)
      duration.observe(snapshot.durationMs / 1000)
      if (snapshot.ok) size.observe(snapshot.page.size)
      else failures.add(1, { reason: snapshot.trouble.code })
    },
    late: (ms) => delay.observe(ms / 1000),
  }
}
