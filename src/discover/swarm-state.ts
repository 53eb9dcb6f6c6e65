// The managers' swarm state out of what Docker lists. Pure, and in the order of names and ids, so that two
// managers that see the same say the same.

import { type SwarmNode, type SwarmService, type SwarmState, taskContainerDigits } from '../model.ts'
import type { ApiNode, ApiService, ApiTask } from './api.ts'
import { leavingOf } from './leaving.ts'

export interface SwarmLists {
  readonly services: readonly ApiService[]
  /** Those that are meant to run, and those of jobs, which are meant to complete. */
  readonly tasks: readonly ApiTask[]
  readonly nodes: readonly ApiNode[]
}

/**
 * So long after a task was made, by the time of the newest one, the container before it may still run: on a node
 * that was cut off, or because it takes its time to end.
 */
const succession = 5 * 60_000
/** More than this are a whole Swarm's deployment: then none of them follows another. */
const mostSuccessors = 500

export function swarmStateOf(
  cluster: string,
  { services, tasks, nodes }: SwarmLists,
  allowedLabels: readonly string[],
): SwarmState {
  const running = tasks.filter(isMeantToRun)
  const tasksOf = Map.groupBy(running, ({ ServiceID }) => ServiceID)
  const young = youngOf(running)
  return {
    cluster,
    nodes: byId(nodes, nodeOf),
    services: byId(services, (service) =>
      serviceOf(service, tasksOf.get(service.ID) ?? [], { young, allowedLabels }),
    ),
    containers: containersOf(tasks),
  }
}

const isMeantToRun = ({ DesiredState }: ApiTask) => DesiredState !== 'complete'

function containersOf(tasks: readonly ApiTask[]): SwarmState['containers'] {
  const started = tasks
    .map(({ NodeID = '', Status }) => ({ node: NodeID, id: Status?.ContainerStatus?.ContainerID ?? '' }))
    .filter(({ id }) => id !== '')
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const byNode = Map.groupBy(started, ({ node }) => node)
  return new Map(
    [...byNode]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([node, its]) => [node, its.map(({ id }) => id.slice(0, taskContainerDigits))]),
  )
}

/** Told by the tasks alone, so that all managers say the same. */
function youngOf(tasks: readonly ApiTask[]): ReadonlySet<ApiTask> {
  const madeAt = ({ CreatedAt = '' }: ApiTask) => Date.parse(CreatedAt) || 0
  const newest = tasks.reduce((latest, task) => Math.max(latest, madeAt(task)), 0)
  const young = tasks.filter((task) => newest - madeAt(task) < succession)
  return new Set(young.length > mostSuccessors ? [] : young)
}

/** Whether Swarm is still at work on a service, so that more will change without an event. */
export function atWork({ services, tasks }: SwarmLists): boolean {
  const tasksOf = Map.groupBy(tasks.filter(isMeantToRun), ({ ServiceID }) => ServiceID)
  return services.some(({ ID, Spec, UpdateStatus }) => {
    const wanted = Spec.Mode?.Replicated?.Replicas
    const updating = /^(updating|rollback_started)$/.test(UpdateStatus?.State ?? '')
    return updating || (wanted !== undefined && wanted !== (tasksOf.get(ID)?.length ?? 0))
  })
}

function serviceOf(
  { Spec: { Name, Labels, Mode } }: ApiService,
  tasks: readonly ApiTask[],
  { young, allowedLabels }: { young: ReadonlySet<ApiTask>; allowedLabels: readonly string[] },
): SwarmService {
  const mode = modeOf(Mode)
  const bySlot = mode === 'replicated' ? slotsOf(tasks) : new Map<number, readonly ApiTask[]>()
  const slots = [...bySlot.keys()].sort((a, b) => a - b)
  const isContested = (inSlot: readonly ApiTask[]) =>
    inSlot.length > 1 || inSlot.some((task) => young.has(task))
  return {
    name: Name,
    mode,
    replicas: Mode?.Replicated?.Replicas ?? (mode === 'global' ? tasks.length : 0),
    slots: slots.map(String),
    labels: leavingOf(Labels, allowedLabels).labels,
    contested: new Map(
      slots
        .map((slot) => [`${slot}`, bySlot.get(slot)!] as const)
        .filter(([, inSlot]) => isContested(inSlot))
        .map(([slot, inSlot]) => [slot, inSlot.toSorted(byAge).map(({ ID }) => ID)]),
    ),
  }
}

function modeOf(mode: ApiService['Spec']['Mode']): SwarmService['mode'] {
  if (mode?.ReplicatedJob || mode?.GlobalJob) return 'job'
  return mode?.Global ? 'global' : 'replicated'
}

function slotsOf(tasks: readonly ApiTask[]): Map<number, ApiTask[]> {
  return Map.groupBy(
    tasks.filter(({ Slot }) => Slot !== undefined && Slot > 0),
    ({ Slot }) => Slot!,
  )
}

/** Written by the Swarm's one leader at a time, in UTC, so that text order is the order of time. */
const byAge = (a: ApiTask, b: ApiTask) => ((a.CreatedAt ?? '') < (b.CreatedAt ?? '') ? -1 : 1)

function nodeOf({ Spec, Description, Status, ManagerStatus }: ApiNode): SwarmNode {
  return {
    hostname: Description?.Hostname ?? '',
    address: nodeAddress(Status?.Addr, ManagerStatus?.Addr),
    role: Spec?.Role === 'manager' ? 'manager' : 'worker',
    state: Status?.State ?? 'unknown',
    availability: Spec?.Availability ?? 'unknown',
  }
}

/** A manager that was set up without an address of its own is `0.0.0.0` to the others. */
function nodeAddress(status = '', manager = ''): string {
  return status !== '' && status !== '0.0.0.0' ? status : manager.replace(/:\d+$/, '')
}

function byId<Row extends { readonly ID: string }, T>(
  rows: readonly Row[],
  of: (row: Row) => T,
): ReadonlyMap<string, T> {
  return new Map(rows.toSorted((a, b) => (a.ID < b.ID ? -1 : 1)).map((row) => [row.ID, of(row)]))
}
