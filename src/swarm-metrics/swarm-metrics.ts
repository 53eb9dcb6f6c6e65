// `/-/swarm`: what the managers know, as metrics, after the model of kube-state-metrics: docs/SWARM-METRICS.md describes
// each. The same from every agent but for the age of what it has. Facts that are too old are left out, so that only the
// age remains. Names of services and nodes, and values from closed lists: nothing else that is chosen freely becomes a
// label.

import { ProxyError } from '../errors.ts'
import { refuseIncomplete } from '../http/answer.ts'
import { isOurs, labelsAs } from '../labels/prefixes.ts'
import {
  type Labels,
  type MetricsPage,
  maxSwarmStateAgeMs,
  type Self,
  type SwarmService,
  type SwarmState,
  type WithAge,
} from '../model.ts'
import { stackLabel } from '../names/resources.ts'
import { createMetrics, type Metrics, pageOf } from '../runtime/metrics.ts'

export interface SwarmMetricsDeps {
  self(): Pick<Self, 'swarm'> | undefined
  swarmState(): WithAge<SwarmState> | undefined
  /** What is still missing after a start. */
  pending(): readonly string[]
}

/** Returns the page, or throws why there is none. */
export function createSwarmMetrics(deps: SwarmMetricsDeps): () => MetricsPage {
  return () => {
    refuseIncomplete(deps.pending())
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
    setTaskCounts(metrics, state.value)
    addNodes(metrics, state.value)
  }
  return pageOf(metrics)
}

const prefix = 'app_metrics_proxy_swarm_'

const taskStates = [
  ...['new', 'pending', 'assigned', 'accepted', 'preparing', 'ready', 'starting', 'running', 'complete'],
  ...['shutdown', 'failed', 'rejected', 'remove', 'orphaned'],
]
const updateStates = [
  ...['updating', 'paused', 'completed', 'rollback_started', 'rollback_paused', 'rollback_completed'],
]
const nodeStates = ['ready', 'down', 'disconnected', 'unknown']
const availabilities = ['active', 'pause', 'drain']

const knownOrOther = (known: readonly string[], value: string) => (known.includes(value) ? value : 'other')

/** An engine's version is short, but each node chooses its own. */
const maxVersionLength = 64

function addServices(metrics: Metrics, { services }: SwarmState): void {
  const gauge = (name: string, help: string) => metrics.gauge(prefix + name, help)
  const info = gauge('service_info', 'Each service of the Swarm.')
  const labels = gauge('service_labels', 'The labels of each service that may leave its cluster.')
  const desired = gauge('service_replicas_desired', 'How many replicas are meant to run.')
  const running = gauge('service_replicas_running', 'How many of them run.')
  const update = gauge('service_update_state', 'The state of the last update.')
  const tasks = gauge('task_state', 'Tasks that are meant to run or to complete, by state.')
  for (const [service_id, service] of services) {
    const { name, mode, updateState } = service
    info.set(1, { service: name, service_id, stack: service.labels[stackLabel] ?? '', mode })
    labels.set(1, { service: name, ...factsOf(service) })
    if (mode !== 'job') {
      desired.set(service.replicas, { service: name })
      running.set(service.running, { service: name })
    }
    if (updateState !== undefined)
      update.set(1, { service: name, state: knownOrOther(updateStates, updateState) })
    for (const [state, count] of service.taskStates)
      tasks.add(count, { service: name, state: knownOrOther(taskStates, state) })
  }
}

/** Settings and alerts of ours are no facts about the service. */
function factsOf({ labels }: SwarmService): Labels {
  const facts = Object.entries(labels).filter(([key]) => !isOurs(key))
  return labelsAs('label_', Object.fromEntries(facts))
}

const rescheduleReasons = ['drain', 'down', 'removed']

/** Each service has a first sample of 0, since `increase` doesn't see how a series begins. */
function setTaskCounts(metrics: Metrics, { services, failures, reschedules }: SwarmState): void {
  const failed = metrics.counter(
    `${prefix}task_failures_total`,
    'Tasks that ended though they were meant to run, by exit code; empty: without a container.',
  )
  for (const [id, byCode] of failures?.services ?? []) {
    const service = services.get(id)?.name
    if (service === undefined) continue
    failed.add(0, { service, exit_code: '' })
    for (const [exit_code, count] of byCode) failed.add(count, { service, exit_code })
  }
  const rescheduled = metrics.counter(
    `${prefix}task_reschedules_total`,
    'Tasks that were replaced since their node was drained, went down or was removed.',
  )
  for (const [id, byReason] of reschedules?.services ?? []) {
    const { name, mode } = services.get(id) ?? {}
    if (name === undefined || mode === 'global') continue
    for (const reason of rescheduleReasons)
      rescheduled.add(byReason.get(reason) ?? 0, { service: name, reason })
  }
}

function addNodes(metrics: Metrics, { nodes }: SwarmState): void {
  const gauge = (name: string, help: string) => metrics.gauge(prefix + name, help)
  const info = gauge('node_info', 'Each node of the Swarm.')
  const labels = gauge('node_labels', 'The labels of each node that may leave its cluster.')
  const states = gauge('node_state', 'The state of each node, as the managers see it.')
  const availability = gauge('node_availability', 'Whether the node may run tasks.')
  for (const [node_id, node] of nodes) {
    const identity = { node: node.hostname, node_id }
    const { role, engineVersion } = node
    info.set(1, { ...identity, role, engine_version: engineVersion.slice(0, maxVersionLength) })
    labels.set(1, { ...identity, ...labelsAs('label_', node.labels) })
    states.set(1, { ...identity, state: knownOrOther(nodeStates, node.state) })
    availability.set(1, { ...identity, availability: knownOrOther(availabilities, node.availability) })
  }
}
