// Internal errors are bugs: each is logged with its stack, counted, and a problem of this agent for a while.

import type { Clock } from '../clock.ts'
import { errorLocations, type Log } from '../logging/log.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { ProblemSources } from '../status/problems.ts'

interface Deps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

/** An hour without another one, and it is no problem any more; the metric and the log still have it. */
const shownForMs = 3_600_000

/** The same log, which also counts internal errors and remembers the last one. */
export function withErrorCount({ clock, log, metrics }: Deps) {
  const total = metrics.counter(
    'app_metrics_proxy_internal_errors_total',
    'Internal errors, each a bug of the agent, by where they were caught. The log has their stacks.',
  )
  for (const where of errorLocations) total.add(0, { where })
  let last: ProblemSources['internalErrors']

  const observed: Log = {
    ...log,
    internal(error, where, fields) {
      total.add(1, { where })
      last = { count: (last?.count ?? 0) + 1, lastAt: clock.now(), lastWhere: where }
      log.internal(error, where, fields)
    },
  }
  const recent = () => (last && clock.now() - last.lastAt <= shownForMs ? last : undefined)
  return { log: observed, internalErrors: recent }
}
