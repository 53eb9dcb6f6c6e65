// Metrics of the process, under the names of the client libraries, which dashboards use.

import { readdirSync, readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import type { Clock } from '../clock.ts'
import { withLagMetrics } from './lag.ts'
import { createMetrics, type Metrics } from './metrics.ts'

/**
 * A registry with the metrics of the process, and the clock whose timers measure how late the event loop is. They are read
 * at each scrape; reading changes nothing, so that several Prometheus servers see the same.
 */
export function createProcessMetrics(given: Clock): { readonly clock: Clock; readonly metrics: Metrics } {
  const { clock, readLag } = withLagMetrics(given)
  const metrics = createMetrics()
  /** What can't be read is left out: only Linux has /proc. */
  const gauge = (name: string, help: string, read: () => number) =>
    metrics.registerCollector(name, 'gauge', help, () => {
      try {
        const value = read()
        return Number.isNaN(value) ? [] : [[{}, value]]
      } catch {
        return []
      }
    })
  const memory = (name: string, help: string, of: (usage: NodeJS.MemoryUsage) => number) =>
    gauge(name, help, () => of(process.memoryUsage()))
  const started = Math.round((Date.now() - performance.now()) / 1000)

  gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', () => started)
  metrics.registerCollector(
    'process_cpu_seconds_total',
    'counter',
    'Total user and system CPU time spent in seconds.',
    () => {
      const { user, system } = process.cpuUsage()
      return [[{}, (user + system) / 1e6]]
    },
  )
  memory('process_resident_memory_bytes', 'Resident memory size in bytes.', ({ rss }) => rss)
  gauge('process_open_fds', 'Number of open file descriptors.', () => readdirSync('/proc/self/fd').length)
  gauge('process_max_fds', 'Maximum number of open file descriptors.', () =>
    Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]),
  )

  metrics.registerCollector('nodejs_version_info', 'gauge', 'Node.js version info.', () => [
    [{ version: process.version }, 1],
  ])
  memory(
    'nodejs_heap_size_total_bytes',
    'Process heap size from Node.js in bytes.',
    ({ heapTotal }) => heapTotal,
  )
  memory(
    'nodejs_heap_size_used_bytes',
    'Process heap size used from Node.js in bytes.',
    ({ heapUsed }) => heapUsed,
  )
  memory('nodejs_external_memory_bytes', 'Node.js external memory size in bytes.', ({ external }) => external)
  const lag = { mean: 'The mean', p99: 'The 99th percentile of the', max: 'The longest' } as const
  for (const [figure, what] of Object.entries(lag))
    gauge(
      `nodejs_eventloop_lag_${figure}_seconds`,
      `${what} event loop delay within the last one to two minutes.`,
      () => readLag()[figure as keyof typeof lag] / 1000,
    )
  metrics.registerCollector(
    'nodejs_eventloop_time_seconds_total',
    'counter',
    'The time that the event loop was active, and that it was idle.',
    () => {
      const { active, idle } = performance.eventLoopUtilization()
      return [
        [{ state: 'active' }, active / 1000],
        [{ state: 'idle' }, idle / 1000],
      ]
    },
  )
  metrics.registerCollector(
    'nodejs_active_resources',
    'gauge',
    'Number of active resources that are currently keeping the event loop alive, grouped by async resource type.',
    () =>
      [...Map.groupBy(process.getActiveResourcesInfo(), (type) => type)].map(([type, all]) => [
        { type },
        all.length,
      ]),
  )
  return { clock, metrics }
}
