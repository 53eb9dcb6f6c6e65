// `__meta_dockerswarm_…`: the names and values of Prometheus' own discovery of Swarm's tasks, so that existing
// relabel rules keep working.

import { labelsAs } from '../labels/prefixes.ts'
import type { Labels, NodeId, SwarmState, Target } from '../model.ts'
import type { ListedReplica } from './replicas.ts'

/** Swarm itself puts these on each container; they are not part of the service's specification. */
const setBySwarm = 'com.docker.swarm.'

export function swarmLabels(
  { swarmService, entry, slot }: ListedReplica,
  swarmState: SwarmState | undefined,
): Labels {
  const place = entry?.target.place
  const task = place && 'task' in place ? place : undefined
  if (!swarmService && !task) return {}
  const mode = swarmService?.mode ?? task!.kind
  const labels = {
    service_id: swarmService?.id ?? task!.serviceId,
    service_name: swarmService?.name ?? task!.service,
    // Prometheus knows no mode for jobs
    service_mode: mode === 'job' ? '' : mode,
    ...labelsAs('service_label_', swarmService?.labels ?? {}),
    task_slot: slot ?? '0',
    task_desired_state: 'running',
    ...(entry && !entry.ended && { task_state: 'running' }),
    ...(task && { task_id: task.task }),
    ...(entry && { ...containerLabels(entry.target), ...nodeLabels(entry.owner, swarmState) }),
  }
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [`__meta_dockerswarm_${name}`, value]),
  )
}

function containerLabels({ id, labels }: Target): Labels {
  const own = Object.entries(labels).filter(([key]) => !key.startsWith(setBySwarm))
  return { task_container_id: id, ...labelsAs('container_label_', Object.fromEntries(own)) }
}

function nodeLabels(id: NodeId, swarmState: SwarmState | undefined): Labels {
  const node = swarmState?.nodes.get(id)
  return {
    node_id: id,
    ...(node && {
      node_hostname: node.hostname,
      node_address: node.address,
      node_role: node.role,
      node_status: node.state,
      node_availability: node.availability,
      ...labelsAs('node_label_', node.labels),
    }),
  }
}
