// Whose alerts are in force: a pure decision over what the cluster knows. Everything is gathered by service;
// what goes, goes with its service and with nothing else.

import { jobOf } from '../labels/job.ts'
import { type AlertDefinition, settingsOf } from '../labels/settings.ts'
import type { Entry, NodeId, SwarmService, SwarmState } from '../model.ts'
import { isLive, stays } from '../names/living.ts'
import type { Subject } from './shortcuts.ts'

export interface View {
  readonly entries: Iterable<Entry>
  readonly swarmState: SwarmState | undefined
}

export interface Defined {
  readonly about: Subject
  /** The owner of a container that says so; absent: only the service does. */
  readonly owner: NodeId | undefined
  readonly definition: AlertDefinition
}

interface Service {
  readonly name: string
  readonly swarm: boolean
  readonly declared?: SwarmService
  readonly entries: Entry[]
}

/** By service, then in the order of the labels; each once, however many replicas say the same. */
export function definitionsOf(view: View): readonly Defined[] {
  return [...servicesOf(view).values()]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((service) => definedBy(service, view.swarmState !== undefined))
}

function servicesOf({ entries, swarmState }: View): Map<string, Service> {
  const services = new Map<string, Service>()
  for (const declared of swarmState?.services.values() ?? [])
    services.set(`swarm ${declared.name}`, { name: declared.name, swarm: true, declared, entries: [] })
  for (const entry of entries) {
    const { place } = entry.target
    const swarm = place.kind === 'replicated' || place.kind === 'global'
    const name = nameOf(entry)
    const key = `${swarm ? 'swarm' : 'other'} ${name}`
    const service = services.get(key) ?? { name, swarm, entries: [] }
    services.set(key, service)
    service.entries.push(entry)
  }
  return services
}

function nameOf({ target: { place, name } }: Entry): string {
  if (place.kind === 'standalone') return name
  return place.kind === 'compose' ? `${place.project}_${place.service}` : place.service
}

function definedBy(service: Service, isSwarmKnown: boolean): readonly Defined[] {
  const { name, declared, entries } = service
  const speaking = speakers(entries)
  const said = speaking.map((entry) => ({
    entry,
    settings: settingsOf(entry.target.labels, declared?.labels),
  }))
  const heard =
    said.length > 0 ? said : [{ entry: undefined, settings: settingsOf(unlabelled, declared?.labels) }]
  if (heard.every(({ settings }) => settings.alerts.length === 0)) return []

  const runs = isMeantToRun(service, isSwarmKnown)
  const once = new Map<string, Defined>()
  for (const { entry, settings } of heard)
    for (const definition of settings.alerts) {
      const key = JSON.stringify(definition)
      if (once.has(key) || !(runs || (declared && isPersistent(definition)))) continue
      const job = jobOf(settings, name, declared?.labels[stackLabel] ?? entry?.target.labels[stackLabel])
      const replicas = declared?.mode === 'replicated' ? declared.replicas : undefined
      once.set(key, { about: { service: name, job, replicas }, owner: entry?.owner, definition })
    }
  return [...once.values()]
}

const unlabelled = Object.freeze({})
const stackLabel = 'com.docker.stack.namespace'

/** The running containers, else those that ended; in the same order everywhere. */
function speakers(entries: readonly Entry[]): readonly Entry[] {
  const running = entries.filter(isLive)
  const all = running.length > 0 ? running : entries
  return all.length < 2 ? all : all.toSorted((a, b) => (a.target.id < b.target.id ? -1 : 1))
}

function isMeantToRun({ swarm, declared, entries }: Service, isSwarmKnown: boolean): boolean {
  if (declared) return declared.mode !== 'replicated' || declared.replicas > 0
  if (entries.some(isLive)) return true
  return !(swarm && isSwarmKnown) && entries.some(stays)
}

/** Survives scaling to zero, though not the service itself. */
function isPersistent({ parts }: AlertDefinition): boolean {
  return /^(true|yes|on|1)$/i.test(parts.Persistent ?? '')
}
