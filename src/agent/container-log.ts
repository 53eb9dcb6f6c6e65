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

interface ContainerLogDeps {
  readonly clock: Clock
  readonly log: Log
  /** Containers of other nodes are logged by the agents there. */
  readonly ownNodeId: () => NodeId
}

type ContainerState =
  | { readonly kind: 'scraped'; readonly url: string }
  | { readonly kind: 'failing'; readonly failure: Failure }
  | { readonly kind: 'no metrics'; readonly failure: Failure }
  | { readonly kind: 'ended' }

export interface ContainerLog extends Stoppable {
  /** Takes every change of the store. */
  changed(change: Change): void
}

export function createContainerLog({ clock, log, ownNodeId }: ContainerLogDeps): ContainerLog {
  const states = new Map<string, ContainerState>()
  const changes = createChangeLog(clock)

  function update(entry: Entry): void {
    const state = stateOf(entry)
    const before = states.get(entry.target.id)
    if (!state || (before && isSame(before, state))) return
    states.set(entry.target.id, state)
    // a container without metrics ends without a line
    if (state.kind === 'ended' && !entry.endpoint) return
    changes.changed(placeKey(entry.target), (fields) => write(entry, state, before, fields))
  }

  function write(
    { target: { name, id }, endpoint, ended }: Entry,
    state: ContainerState,
    before: ContainerState | undefined,
    fields: ChangeFields,
  ): void {
    const number = endpointNumberOf(id)
    const container = { name, id: containerIdOf(id), ...(number > 1 && { endpoint: number }) }
    if (state.kind === 'failing')
      log.warn({ ...container, ...fieldsOf(state.failure), ...fields }, 'metrics cannot be read')
    else if (state.kind === 'no metrics')
      log[levels[state.failure.code] ?? 'warn'](
        { ...container, ...fieldsOf(state.failure), ...fields },
        'no metrics',
      )
    else if (state.kind === 'ended')
      log.info({ ...container, exitCode: ended?.exitCode, ...fields }, 'container ended')
    else if (before?.kind === 'failing' || before?.kind === 'ended')
      log.info({ ...container, ...fields }, 'metrics are read again')
    else log.info({ ...container, url: state.url, why: endpoint?.why, ...fields }, 'found metrics')
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

/** Undefined until it has been probed and scraped. */
function stateOf({ ended, probeResult, endpoint, snapshot }: Entry): ContainerState | undefined {
  if (ended) return { kind: 'ended' }
  if (!endpoint)
    return probeResult.kind === 'not_found' ? { kind: 'no metrics', failure: probeResult.failure } : undefined
  if (!snapshot) return undefined
  return snapshot.ok ? { kind: 'scraped', url: endpoint.url } : { kind: 'failing', failure: snapshot.failure }
}

/** A failure with another reason is the same failure; another reason for having no metrics is a change. */
function isSame(a: ContainerState, b: ContainerState): boolean {
  if (a.kind === 'scraped' && b.kind === 'scraped') return a.url === b.url
  if (a.kind === 'no metrics' && b.kind === 'no metrics') return a.failure.reason === b.failure.reason
  return a.kind === b.kind
}

/** Below `warn` where somebody chose it so, or where nothing is wrong. */
const levels: Readonly<Partial<Record<Failure['code'], 'debug' | 'info'>>> = {
  disabled: 'debug',
  no_metrics: 'info',
  paused: 'info',
  stopped: 'info',
}

const fieldsOf = ({ reason, hint }: Failure) => ({ reason, ...(hint !== undefined && { hint }) })
