// The process' own metrics, under the names that people's dashboards know.

import { readdirSync, readFileSync } from 'node:fs'
import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import type { Lag } from '../lag.ts'
import type { Metrics } from '../telemetry.ts'

/** All of it is read off when somebody asks. */
export function observeProcess(metrics: Metrics, lag: Lag): void {
  observeLoop(metrics, lag)
  observeMemory(metrics)
  observeFiles(metrics)
  observeResources(metrics)
  const started = Math.round((Date.now() - performance.now()) / 1000)
  const gauge = (name: string, help: string, read: () => number) =>
    metrics.observe(name, 'gauge', help, () => [[{}, read()]])
  gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', () => started)
  metrics.observe(
    'process_cpu_seconds_total',
    'counter',
    'Total user and system CPU time spent in seconds.',
    () => {
      const { user, system } = process.cpuUsage()
      return [[{}, (user + system) / 1e6]]
    },
  )
  metrics.observe('nodejs_version_info', 'gauge', 'Node.js version info.', () => [
    [{ version: process.version }, 1],
  ])
}

function observeLoop(metrics: Metrics, delays: Lag): void {
  const seconds = (nanoseconds: number) => (Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : 0)
  const lag = (name: string, help: string, read: () => number) =>
    metrics.observe(name, 'gauge', help, () => [[{}, seconds(read())]])
  lag('nodejs_eventloop_lag_mean_seconds', 'The mean of the recorded event loop delays.', () => delays.mean)
  lag('nodejs_eventloop_lag_p99_seconds', 'The 99th percentile of the recorded event loop delays.', () =>
    delays.percentile(99),
  )
  lag(
    'nodejs_eventloop_lag_max_seconds',
    'The longest recorded event loop delay since the last scrape.',
    () => {
      const { max } = delays
      delays.reset()
      return max
    },
  )
  let last: EventLoopUtilization = performance.eventLoopUtilization()
  metrics.observe(
    'nodejs_eventloop_utilization_ratio',
    'gauge',
    'The share of time since the last scrape in which the event loop was busy.',
    () => {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, last)
      last = now
      return [[{}, utilization]]
    },
  )
}

function observeMemory(metrics: Metrics): void {
  const read = (name: string, help: string, of: (usage: NodeJS.MemoryUsage) => number) =>
    metrics.observe(name, 'gauge', help, () => [[{}, of(process.memoryUsage())]])
  read('process_resident_memory_bytes', 'Resident memory size in bytes.', ({ rss }) => rss)
  read(
    'nodejs_heap_size_total_bytes',
    'Process heap size from Node.js in bytes.',
    ({ heapTotal }) => heapTotal,
  )
  read(
    'nodejs_heap_size_used_bytes',
    'Process heap size used from Node.js in bytes.',
    ({ heapUsed }) => heapUsed,
  )
  read('nodejs_external_memory_bytes', 'Node.js external memory size in bytes.', ({ external }) => external)
}

/** What keeps the process alive: sockets, timers, requests under way. */
function observeResources(metrics: Metrics): void {
  metrics.observe(
    'nodejs_active_resources',
    'gauge',
    'Number of active resources that are currently keeping the event loop alive, grouped by async resource type.',
    () =>
      [...Map.groupBy(process.getActiveResourcesInfo(), (type) => type)].map(([type, all]) => [
        { type },
        all.length,
      ]),
  )
}

/** Linux tells of a process' files in /proc; elsewhere there is nothing to say. */
function observeFiles(metrics: Metrics): void {
  const read = (name: string, help: string, count: () => number) =>
    metrics.observe(name, 'gauge', help, () => {
      try {
        return [[{}, count()]]
      } catch {
        return []
      }
    })
  read('process_open_fds', 'Number of open file descriptors.', () => readdirSync('/proc/self/fd').length)
  read('process_max_fds', 'Maximum number of open file descriptors.', () =>
    Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]),
  )
}
