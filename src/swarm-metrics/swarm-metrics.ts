// `/-/swarm`: what the managers know, as metrics. The same from every agent but for the age of what it has. Facts that
// are too old are left out, so that only the age remains.

import { ProxyError } from '../errors.ts'
import { type MetricsPage, maxSwarmStateAgeMs, type Self, type SwarmState, type WithAge } from '../model.ts'
import { createMetrics, pageOf } from '../runtime/metrics.ts'
import { addNodes, addServices, setFailureCounts } from './collect.ts'

export interface SwarmMetricsDeps {
  self(): Pick<Self, 'swarm'> | undefined
  swarmState(): WithAge<SwarmState> | undefined
  /** What is still missing after a start. */
  pending(): readonly string[]
}

/** Returns the page, or throws why there is none. */
export function createSwarmMetrics(deps: SwarmMetricsDeps): () => MetricsPage {
  return () => {
    const pending = deps.pending()
    if (pending.length > 0)
      throw new ProxyError('not_ready', `not known yet, waiting for: ${pending.join(', ')}`)
    if (!deps.self()?.swarm) throw new ProxyError('not_found', 'this agent’s node is in no Swarm')
    return swarmPage(deps.swarmState())
  }
}

/** Without a state, the age is infinite. */
export function swarmPage(state: WithAge<SwarmState> | undefined): MetricsPage {
  const metrics = createMetrics()
  metrics
    .gauge('app_metrics_proxy_swarm_state_age_seconds', 'How long ago a manager read what is shown here.')
    .set(state ? state.ageMs / 1000 : Number.POSITIVE_INFINITY)
  if (state && state.ageMs <= maxSwarmStateAgeMs) {
    addServices(metrics, state.value)
    setFailureCounts(metrics, state.value)
    addNodes(metrics, state.value)
  }
  return pageOf(metrics)
}
