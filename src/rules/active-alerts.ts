// Which alerts are active: a pure decision over what the cluster knows. An alert belongs to its service and
// goes with it.

import { jobOf, settingsOf } from '../labels/settings.ts'
import type { AlertDefinition } from '../labels/sources.ts'
import type { Entry, NodeId, SwarmService, SwarmState } from '../model.ts'
import { isRunning, mayRestart } from '../names/active-replica.ts'
import { serviceNameOf, stackLabel } from '../names/resources.ts'
import type { AlertSubject } from './shortcuts.ts'

export interface ActiveAlert {
  readonly subject: AlertSubject
  /** The node of a container with this alert; absent: only the service has it. */
  readonly owner: NodeId | undefined
  readonly definition: AlertDefinition
}

interface AlertingService {
  readonly name: string
  readonly isSwarm: boolean
  readonly swarmService?: SwarmService
  readonly entries: Entry[]
}

/** By service, then in the order of the labels; each once, however many replicas have it. */
export function activeAlerts(
  entries: Iterable<Entry>,
  swarmState: SwarmState | undefined,
): readonly ActiveAlert[] {
  return servicesOf(entries, swarmState)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((service) => alertsOfService(service, swarmState !== undefined))
}

function servicesOf(
  entries: Iterable<Entry>,
  swarmState: SwarmState | undefined,
): readonly AlertingService[] {
  const swarm = new Map<string, AlertingService>()
  const others = new Map<string, AlertingService>()
  for (const swarmService of swarmState?.services.values() ?? [])
    swarm.set(swarmService.name, { name: swarmService.name, isSwarm: true, swarmService, entries: [] })
  for (const entry of entries) {
    const isSwarm = 'task' in entry.target.place
    const [name, services] = [serviceNameOf(entry.target), isSwarm ? swarm : others]
    const service = services.get(name) ?? { name, isSwarm, entries: [] }
    services.set(name, service)
    service.entries.push(entry)
  }
  return [...swarm.values(), ...others.values()]
}

function alertsOfService(service: AlertingService, isSwarmKnown: boolean): readonly ActiveAlert[] {
  const { name, swarmService, entries } = service
  const containers = labelledContainers(entries)
  const labelled = (containers.length > 0 ? containers : [undefined]).map((entry) => ({
    entry,
    settings: settingsOf(entry?.target.labels, swarmService?.labels),
  }))
  if (labelled.every(({ settings }) => settings.alerts.length === 0)) return []

  const runs = isMeantToRun(service, isSwarmKnown)
  const replicas = swarmService?.mode === 'job' ? undefined : swarmService?.replicas
  const once = new Map<string, ActiveAlert>()
  for (const { entry, settings } of labelled)
    for (const definition of settings.alerts) {
      const key = JSON.stringify(definition)
      if (once.has(key) || !(runs || (swarmService && isPersistent(definition)))) continue
      const job = jobOf(settings, name, swarmService?.labels[stackLabel] ?? entry?.target.labels[stackLabel])
      once.set(key, { subject: { service: name, job, replicas }, owner: entry?.owner, definition })
    }
  return [...once.values()]
}

/** The containers whose labels count: those that run, else those that ended; in the same order on all agents. */
function labelledContainers(entries: readonly Entry[]): readonly Entry[] {
  const running = entries.filter(isRunning)
  const all = running.length > 0 ? running : entries
  return all.toSorted((a, b) => (a.target.id < b.target.id ? -1 : 1))
}

function isMeantToRun({ isSwarm, swarmService, entries }: AlertingService, isSwarmKnown: boolean): boolean {
  if (swarmService) return swarmService.mode !== 'replicated' || swarmService.replicas > 0
  if (entries.some(isRunning)) return true
  return !(isSwarm && isSwarmKnown) && entries.some(mayRestart)
}

/** It stays when its service is scaled to zero, though not when the service is removed. */
function isPersistent({ parts }: AlertDefinition): boolean {
  return /^(true|yes|on|1)$/i.test(parts.Persistent ?? '')
}
