// Which replicas `/sd` lists: a pure decision over what the cluster knows.
//
// A replica is listed as long as it should answer, whether or not it does: only then can `up` be 0. It leaves
// when it is no longer meant to be there. The list depends on what is known, never on which agent is asked.

import { type EndpointSettings, endpointSettings, type Settings, settingsOf } from '../labels/settings.ts'
import {
  agentTarget,
  type Entry,
  endpointNumberOf,
  type NodeId,
  type SwarmService,
  type SwarmState,
} from '../model.ts'
import { activeReplica, isProvisional, isRunning, mayRestart } from '../names/active-replica.ts'
import { compoundKey, serviceNameOf, slotKeyOf, stackLabel } from '../names/resources.ts'

interface ReplicaView {
  readonly entries: Iterable<Entry>
  readonly swarmState: SwarmState | undefined
  /** Whether a node's agent can be reached now. */
  readonly isConnected: (node: NodeId) => boolean
}

interface IdentifiedService extends SwarmService {
  readonly id: string
}

/** One endpoint of a replica. */
export interface ListedReplica {
  /** The full name of its service, or its own. */
  readonly service: string
  readonly stack: string | undefined
  readonly slot: string | undefined
  /** Its container; absent while a wanted slot has none. */
  readonly entry: Entry | undefined
  /** Its service as the managers know it. */
  readonly swarmService: IdentifiedService | undefined
  readonly endpoint: number
  readonly settings: EndpointSettings
}

/** In no particular order, without the agents. */
export function listReplicas(view: ReplicaView): readonly ListedReplica[] {
  const nodes = view.swarmState?.nodes
  const entries = [...view.entries].filter(
    (entry) =>
      entry.target.id !== agentTarget &&
      endpointNumberOf(entry.target.id) === 1 &&
      // as in paths: only nodes that the managers know run tasks
      !(isProvisional(entry) && nodes?.has(entry.owner) === false),
  )
  const byService = Map.groupBy(entries, ({ target: { place } }) =>
    'task' in place ? place.service : undefined,
  )
  const byContainer = Map.groupBy(byService.get(undefined) ?? [], ({ owner, target }) =>
    compoundKey(owner, target.name),
  )
  const swarmServices = new Map(
    Array.from(view.swarmState?.services ?? [], ([id, service]) => [service.name, { ...service, id }]),
  )
  const names = [...new Set([...swarmServices.keys(), ...byService.keys()])].filter(
    (name) => name !== undefined,
  )
  return [
    ...names.flatMap((name) =>
      replicasOfService(
        { name, swarmService: swarmServices.get(name), entries: byService.get(name) ?? [] },
        view,
      ),
    ),
    ...[...byContainer.values()].flatMap((entries) => replicaOfContainer(entries, view)),
  ]
}

interface ServiceTasks {
  readonly name: string
  readonly swarmService: IdentifiedService | undefined
  readonly entries: readonly Entry[]
}

function replicasOfService(tasks: ServiceTasks, view: ReplicaView): readonly ListedReplica[] {
  const { swarmService, entries } = tasks
  const settings = (entries.length > 0 ? entries : [undefined]).map((entry) =>
    settingsOf(entry?.target.labels, swarmService?.labels),
  )
  const endpoints = new Set(settings.flatMap(endpointsOf))
  return [...endpoints].flatMap((endpoint) => replicasAt(endpoint, tasks, view))
}

const endpointsOf = ({ endpoints }: Settings): readonly number[] => [1, ...endpoints.keys()]

function replicasAt(
  endpoint: number,
  { name, swarmService, entries }: ServiceTasks,
  view: ReplicaView,
): readonly ListedReplica[] {
  const settingsFor = (entry: Entry | undefined) =>
    endpointSettings(settingsOf(entry?.target.labels, swarmService?.labels), endpoint)
  const enabled = entries.filter((entry) => isEnabled(settingsFor(entry)))
  const hasMetrics =
    entries.length === 0
      ? isConfigured(settingsFor(undefined))
      : enabled.some((entry) => (endpoint === 1 && entry.endpoint) || isConfigured(settingsFor(entry)))
  if (!hasMetrics) return []

  const desiredSlots = new Set(swarmService?.mode === 'replicated' ? swarmService.slots : [])
  // a container from before a change of the labels may lack this endpoint
  if (endpoint > 1)
    for (const entry of entries) if (!settingsFor(entry)) desiredSlots.delete(slotKeyOf(entry))
  const wanted = enabled.filter(
    (entry) => desiredSlots.has(slotKeyOf(entry)) || isWanted(entry, swarmService, view),
  )
  const bySlot = Map.groupBy(wanted, slotKeyOf)
  const example = enabled.toSorted(runningFirst)[0]
  return [...new Set([...desiredSlots, ...bySlot.keys()])].map((key) => {
    const entry = activeOf(bySlot.get(key) ?? [], view, swarmService?.taskOrder.get(key))
    const place = entry?.target.place
    return {
      service: name,
      stack: swarmService?.labels[stackLabel] ?? (place && 'stack' in place ? place.stack : undefined),
      slot: place?.kind === 'global' ? undefined : key,
      entry,
      swarmService,
      endpoint,
      settings: settingsFor(entry ?? example)!,
    }
  })
}

/** A standalone container, one of Compose's, or an entry of `TARGETS`. */
function replicaOfContainer(entries: readonly Entry[], view: ReplicaView): readonly ListedReplica[] {
  const entry = activeOf(
    entries.filter((entry) => isRunning(entry) || mayRestart(entry)),
    view,
  )
  if (!entry) return []
  const { place, url, labels } = entry.target
  const ofContainer = settingsOf(labels)
  const wasFound = url !== undefined || entries.some(({ endpoint }) => endpoint)
  const compose = place.kind === 'compose' ? place : undefined
  return endpointsOf(ofContainer).flatMap((endpoint) => {
    const settings = endpointSettings(ofContainer, endpoint)!
    const hasMetrics = (endpoint === 1 && wasFound) || isConfigured(settings)
    if (!hasMetrics || !isEnabled(settings)) return []
    return [
      {
        service: serviceNameOf(entry.target),
        stack: compose?.project,
        slot: compose?.number,
        entry,
        swarmService: undefined,
        endpoint,
        settings,
      },
    ]
  })
}

/** Whether its labels say that it has metrics. */
function isConfigured(settings: EndpointSettings | undefined): boolean {
  if (!settings) return false
  const { enabled, port, path } = settings
  return enabled ? enabled.value : port !== undefined || path !== undefined
}

/** Whether there is such an endpoint, and no label switches it off. */
function isEnabled(settings: EndpointSettings | undefined): boolean {
  return settings !== undefined && settings.enabled?.value !== false
}

/** Whether a task that fills none of the desired slots is meant to be there. */
function isWanted(
  entry: Entry,
  swarmService: IdentifiedService | undefined,
  { swarmState, isConnected }: ReplicaView,
): boolean {
  const live = isRunning(entry)
  const { place } = entry.target
  // its node sees it run, so the managers' state is only late
  if (live && isConnected(entry.owner)) return true
  if (!swarmState) return live || mayRestart(entry)
  if (!swarmService || !('serviceId' in place) || place.serviceId !== swarmService.id) return false
  if (swarmService.mode === 'global') return live || runsGlobalTasks(swarmState, entry.owner)
  return swarmService.mode === 'job' && (live || mayRestart(entry))
}

function runsGlobalTasks({ nodes }: SwarmState, node: NodeId): boolean {
  const known = nodes.get(node)
  return known?.state === 'ready' && known.availability === 'active'
}

/** The same choice by every agent, in whatever order each learned of the containers. */
function activeOf(
  entries: readonly Entry[],
  { isConnected }: ReplicaView,
  taskOrder: readonly string[] = [],
) {
  return activeReplica(
    entries.toSorted((a, b) => (a.target.id < b.target.id ? -1 : 1)),
    { taskOrder, isConnected },
  )
}

function runningFirst(a: Entry, b: Entry): number {
  return Number(isRunning(b)) - Number(isRunning(a)) || (a.target.id < b.target.id ? -1 : 1)
}
