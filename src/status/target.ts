// One entry of the store as the status shows it: its name and path, its state, and for each state but `up` the reason
// and the fix.

import { type Failure, stoppedFailure } from '../errors.ts'
import { endpointSettings, jobOf, type Settings, settingsOf } from '../labels/settings.ts'
import {
  agentTarget,
  containerIdOf,
  type Entry,
  endpointNumberOf,
  type Mono,
  type NodeId,
  type Snapshot,
  type SwarmService,
  type Target,
} from '../model.ts'
import { metricsPath, replicaNameOf, serviceNameOf } from '../names/resources.ts'
import type { TargetState, TargetStatus } from './shape.ts'

/** What the status of a target depends on besides its entry. */
export interface TargetContext {
  /** The name of the owner. */
  readonly node: string
  readonly isLost: boolean
  readonly services: ReadonlyMap<string, SwarmService>
}

/** What has become of a target's scrapes, as far as this agent has seen them. */
export interface Outcome {
  /** When the present failures began. They may be older if no success was seen before. */
  readonly downSince?: Mono
  readonly lastSuccessAt?: Mono
  readonly lastError?: { readonly at: Mono; readonly reason: string }
}

export function targetOf(entry: Entry, context: TargetContext, outcome: Outcome = {}): TargetStatus {
  const { owner, target, endpoint, ended, snapshot, history } = entry
  const state = stateOf(entry, context.isLost)
  const failure = failureOf(entry, state, context)
  const { place } = target
  const service = 'serviceId' in place ? context.services.get(place.serviceId) : undefined
  const settings = settingsOf(target.labels, service?.labels)
  return {
    key: keyOf(owner, target.id),
    id: target.id,
    nodeId: owner,
    node: context.node,
    name: target.name,
    ...nameOf(target, context.node, settings),
    image: target.image,
    state,
    ...(failure && { failure }),
    ...(endpoint && { endpoint }),
    ...(snapshot && scrapeOf(snapshot)),
    ...pastOutcome(outcome, state),
    history: history.map(({ ok, durationMs }) => (ok ? secondsOf(durationMs) : null)),
    remarks: remarksOf(entry, settings),
    ...runOf(target),
    ...(ended && { ended: endedOf(ended) }),
  }
}

/** `<node>/<target>`: a slash in a node's id is escaped, so the first one separates. */
export function keyOf(owner: NodeId, id: string): string {
  return `${owner.replaceAll('%', '%25').replaceAll('/', '%2F')}/${id}`
}

function nameOf(target: Target, node: string, settings: Settings) {
  const { name, replica, instance } = replicaNameOf(target, node)
  const service = serviceOf(target, node)
  const number = endpointNumberOf(target.id)
  const endpoint = endpointSettings(settings, number)
  const path = metricsPath(name, replica)
  return {
    ...service,
    job: jobOf(endpoint ?? settings, serviceNameOf(target), service.stack),
    instance: instance + (endpoint ? endpoint.instanceSuffix : `?endpoint=${number}`),
    path: number === 1 ? path : `${path}?endpoint=${number}`,
    ...(number > 1 && { endpointNumber: number }),
  }
}

function serviceOf(
  target: Target,
  node: string,
): Pick<TargetStatus, 'kind' | 'service' | 'stack' | 'replica'> {
  const { place } = target
  if (place.kind === 'standalone') return { kind: standaloneKind(target), replica: node }
  if (place.kind === 'compose')
    return { kind: place.kind, service: place.service, stack: place.project, replica: place.number }
  const { kind, service, stack } = place
  const replica = kind === 'replicated' ? place.slot : node
  return { kind, service, replica, ...(stack !== undefined && { stack }) }
}

function standaloneKind({ id, url }: Target): TargetStatus['kind'] {
  if (id === agentTarget) return 'agent'
  return url === undefined ? 'standalone' : 'static'
}

export function stateOf({ ended, probeResult, endpoint, snapshot }: Entry, isLost: boolean): TargetState {
  if (ended) return 'ended'
  if (isLost) return 'lost'
  if (probeResult.kind === 'not_found' && probeResult.failure.code === 'disabled') return 'off'
  if (probeResult.kind === 'not_found') return endpoint ? 'down' : 'unscraped'
  if (!endpoint || !snapshot) return 'searching'
  return snapshot.ok ? 'up' : 'down'
}

function failureOf(entry: Entry, state: TargetState, { node }: TargetContext): Failure | undefined {
  if (state === 'ended') return stoppedFailure(entry.ended!.exitCode, entry.ended!.removed)
  if (state === 'lost')
    return {
      code: 'owner_lost',
      reason: `the agent of ${node} is not connected`,
      hint: `check the link to ${node}, under Nodes`,
    }
  return state === 'up' || state === 'searching' ? undefined : failureOfEntry(entry)
}

export function failureOfEntry({ probeResult, snapshot }: Entry): Failure | undefined {
  if (probeResult.kind === 'not_found') return probeResult.failure
  return snapshot?.ok === false ? snapshot.failure : undefined
}

function runOf({ run }: Target): Partial<TargetStatus> {
  const { restarts = 0, oomKills = 0, ...rest } = run ?? {}
  return { ...rest, ...(restarts > 0 && { restarts }), ...(oomKills > 0 && { oomKills }) }
}

function endedOf({ at, ...rest }: NonNullable<Entry['ended']>) {
  return { time: unixTime(at), ...rest }
}

function scrapeOf(snapshot: Snapshot) {
  const scrape = { scraped: unixTime(snapshot.at), duration: secondsOf(snapshot.durationMs) }
  if (!snapshot.ok) return scrape
  const { series, size, format } = snapshot.page
  return { ...scrape, series, bytes: size, format }
}

function pastOutcome({ downSince, lastSuccessAt, lastError }: Outcome, state: TargetState) {
  return {
    ...(state === 'down' && downSince !== undefined && { downSince: unixTime(downSince) }),
    ...(lastSuccessAt !== undefined && { lastSuccess: unixTime(lastSuccessAt) }),
    ...(lastError && { lastError: { time: unixTime(lastError.at), reason: lastError.reason } }),
  }
}

/** What is about the container is shown with its first endpoint only. */
function remarksOf({ target, snapshot }: Entry, { remarks }: Settings): readonly string[] {
  const ofPage = snapshot?.ok ? snapshot.page.remarks : []
  return containerIdOf(target.id) === target.id ? [...ofPage, ...remarks, ...claimOf(target)] : ofPage
}

function claimOf({ place }: Target): readonly string[] {
  if (place.kind !== 'standalone' || place.claimedService === undefined) return []
  return [
    `its labels name the Swarm service ${JSON.stringify(place.claimedService)}, but no manager knows it as a task: it is shown as a standalone container; remove its labels that begin with com.docker.swarm, or start it as a service`,
  ]
}

/**
 * Unix seconds, rounded to milliseconds. Follows the monotonic clock, so that a step of the system clock changes no age.
 */
export function unixTime(at: Mono): number {
  return Math.round(performance.timeOrigin + at) / 1000
}

/** Rounded to a tenth of a millisecond. */
export function secondsOf(ms: number): number {
  return Math.round(ms * 10) / 10_000
}
