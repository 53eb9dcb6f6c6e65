// Log lines about this node's containers. Each change of state is logged once, with its cause and hint; those of a
// container that flaps are summed up.

import type { Clock } from '../clock.ts'
import type { Failure } from '../errors.ts'
import { type ChangeFields, createChangeLog } from '../logging/change-log.ts'
import type { Log } from '../logging/log.ts'
import {
  agentTarget,
  type Change,
  containerIdOf,
  type Entry,
  endpointNumberOf,
  type NodeId,
  type Stoppable,
  type Target,
} from '../model.ts'
import { compoundKey } from '../names/resources.ts'
import type { TargetState } from '../status/shape.ts'
import { failureOfEntry, stateOf } from '../status/target.ts'

interface ContainerLogDeps {
  readonly clock: Clock
  readonly log: Log
  /** Containers of other nodes are logged by the agents there. */
  readonly ownNodeId: () => NodeId
}

/** With what makes it another state though the name is the same: the URL, or the reason for having no metrics. */
interface LoggedState {
  readonly state: TargetState
  readonly detail: string
}

export interface ContainerLog extends Stoppable {
  /** Takes every change of the store. */
  changed(change: Change): void
}

export function createContainerLog({ clock, log, ownNodeId }: ContainerLogDeps): ContainerLog {
  const states = new Map<string, LoggedState>()
  const changes = createChangeLog(clock)

  function update(entry: Entry): void {
    const { id } = entry.target
    const next = loggedStateOf(entry)
    const before = states.get(id)
    if (next.state === 'searching' || (before?.state === next.state && before.detail === next.detail)) return
    states.set(id, next)
    // a container without metrics ends without a line
    if (next.state === 'ended' && !entry.endpoint) return
    changes.changed(placeKey(entry.target), (fields) => write(entry, next, before, fields))
  }

  function write(
    entry: Entry,
    { state }: LoggedState,
    before: LoggedState | undefined,
    fields: ChangeFields,
  ): void {
    const { name, id } = entry.target
    const number = endpointNumberOf(id)
    const container = { name, id: containerIdOf(id), ...(number > 1 && { endpoint: number }) }
    if (state === 'ended')
      log.info({ ...container, exitCode: entry.ended?.exitCode, ...fields }, 'container ended')
    else if (state !== 'up') {
      const { code, reason, hint } = failureOfEntry(entry)!
      log[levels[code] ?? 'warn'](
        { ...container, reason, ...(hint !== undefined && { hint }), ...fields },
        state === 'down' ? 'metrics cannot be read' : 'no metrics',
      )
    } else if (before?.state === 'down' || before?.state === 'ended')
      log.info({ ...container, ...fields }, 'metrics are read again')
    else {
      const { url, source } = entry.endpoint!
      log.info({ ...container, url, source, ...fields }, 'found metrics')
    }
  }

  return {
    changed(change) {
      if (change.kind === 'deleted' && change.owner === ownNodeId()) states.delete(change.id)
      if (change.kind !== 'entry' || change.entry.owner !== ownNodeId()) return
      if (change.entry.target.id !== agentTarget) update(change.entry)
    },
    stop: changes.stop,
  }
}

/** A replica that Swarm starts anew, again and again, is another container each time. */
function placeKey({ id, place }: Target): string {
  const endpoint = `${endpointNumberOf(id)}`
  if (place.kind === 'replicated') return compoundKey(place.serviceId, place.slot, endpoint)
  return place.kind === 'global' ? compoundKey(place.serviceId, endpoint) : id
}

/** A failure with another reason is the same failure. */
function loggedStateOf(entry: Entry): LoggedState {
  const state = stateOf(entry, false)
  if (state === 'up') return { state, detail: entry.endpoint!.url }
  const hasReason = state === 'unscraped' || state === 'off'
  return { state, detail: hasReason ? failureOfEntry(entry)!.reason : '' }
}

/** Below `warn` where somebody chose it so, or where nothing is wrong. */
const levels: Readonly<Partial<Record<Failure['code'], 'debug' | 'info'>>> = {
  disabled: 'debug',
  no_metrics: 'info',
  paused: 'info',
  stopped: 'info',
}
