// Each container of this node in the agent's own metrics, by Docker's list and events, without inspecting any: the answer
// to that has the container's environment. So restarts, OOM kills, and the start are those that happened while the agent
// ran. docs/SWARM-METRICS.md describes each metric.

import type { Labels, Place, RunRecord } from '../model.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Container } from './container.ts'
import type { ContainerEvent } from './events.ts'
import { placeOf } from './targets.ts'

export interface ContainerMetrics {
  /** The complete set: what is not in it disappears. */
  list(containers: readonly Container[]): void
  event(event: ContainerEvent): void
  /** For the container's target. Undefined while there is nothing to report. */
  runOf(container: Container): RunRecord | undefined
}

/** Of a container whose end or start was seen. */
interface ContainerRecord {
  readonly startedAtNs?: number | undefined
  readonly exitCode?: number | undefined
  readonly restarts: number
  readonly oomKills: number
}

const fresh: ContainerRecord = { restarts: 0, oomKills: 0 }
/** Events of containers that no list has had yet. */
const maxRecords = 10_000

const dockerStates = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']

type ContainerSample = readonly [Labels, number]

export function createContainerMetrics(metrics: Metrics): ContainerMetrics {
  const records = new Map<string, ContainerRecord>()
  let listed: readonly Container[] = []

  function observe(
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    collect: (container: Container, record: ContainerRecord) => ContainerSample | undefined,
  ): void {
    metrics.registerCollector(`app_metrics_proxy_container_${name}`, type, help, () =>
      listed.flatMap((container) => {
        const [labels, value] = collect(container, records.get(container.id) ?? fresh) ?? []
        return labels && value !== undefined ? [[{ container: container.name, ...labels }, value]] : []
      }),
    )
  }

  observe('info', 'gauge', 'Each container of this node.', ({ id, labels }) => [
    { container_id: id.slice(0, 12), ...placeLabels(placeOf(labels)) },
    1,
  ])
  observe('state', 'gauge', 'The state of each container.', ({ dockerState }) => [
    { state: dockerStates.includes(dockerState) ? dockerState : 'other' },
    1,
  ])
  observe('health', 'gauge', 'The result of its health check, if it has one.', ({ health }) =>
    health === undefined ? undefined : [{ health }, 1],
  )
  observe('created_timestamp_seconds', 'gauge', 'When it was created.', ({ created }) => [{}, created])
  observe('start_timestamp_seconds', 'gauge', 'When it started, if the agent ran by then.', (_, record) =>
    record.startedAtNs === undefined ? undefined : [{}, record.startedAtNs / 1e9],
  )
  observe('last_exit_code', 'gauge', 'How it ended the last time.', ({ exitCode }, record) => {
    const code = exitCode ?? record.exitCode
    return code === undefined ? undefined : [{}, code]
  })
  observe('restarts_total', 'counter', 'Starts after an end, since the agent started.', (_, record) => [
    {},
    record.restarts,
  ])
  observe(
    'oom_kills_total',
    'counter',
    'Processes that the kernel killed for lack of memory, since the agent started.',
    (_, record) => [{}, record.oomKills],
  )

  return {
    list(containers) {
      const gone = new Set(listed.map(({ id }) => id))
      for (const { id } of containers) gone.delete(id)
      for (const id of gone) records.delete(id)
      listed = containers
    },
    event(event) {
      if (event.kind === 'removed') return void records.delete(event.id)
      if (records.size >= maxRecords && !records.has(event.id)) return
      records.set(event.id, recordAfter(records.get(event.id) ?? fresh, event))
    },
    runOf({ id, health, exitCode }) {
      const { restarts, oomKills, exitCode: before } = records.get(id) ?? fresh
      const lastExitCode = exitCode ?? before
      if (health === undefined && restarts + oomKills === 0 && lastExitCode === undefined) return undefined
      return {
        ...(health && { health }),
        ...{ restarts, oomKills },
        ...(lastExitCode !== undefined && { lastExitCode }),
      }
    },
  }
}

/** Events may come twice: a start that is not later than the last one is none. */
function recordAfter(record: ContainerRecord, event: ContainerEvent): ContainerRecord {
  if (event.kind === 'died') return { ...record, exitCode: event.exitCode }
  if (event.kind === 'oom') return { ...record, oomKills: record.oomKills + 1 }
  const { atNs } = event
  if (event.kind !== 'started' || (atNs ?? 0) <= (record.startedAtNs ?? -1)) return record
  const isRestart = record.startedAtNs !== undefined || 'exitCode' in record
  return { ...record, startedAtNs: atNs, restarts: record.restarts + Number(isRestart) }
}

/** As in the names of its service's metrics. */
function placeLabels(place: Place): Labels {
  switch (place.kind) {
    case 'replicated':
      return { service: place.service, slot: place.slot }
    case 'global':
      return { service: place.service, slot: '' }
    case 'compose':
      return { service: `${place.project}_${place.service}`, slot: place.number }
    default:
      return { service: '', slot: '' }
  }
}
