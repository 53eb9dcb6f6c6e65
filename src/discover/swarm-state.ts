// The swarm state from what Docker lists on a manager. Pure, and in the order of ids, so that two managers with the
// same lists have the same state.

import { type SwarmNode, type SwarmService, type SwarmState, taskContainerDigits } from '../model.ts'
import { exportedLabels } from './container.ts'
import type { ApiNode, ApiService, ApiTask } from './docker-api.ts'

export interface SwarmLists {
  readonly services: readonly ApiService[]
  /** Those that should run, and those of jobs, which should complete. */
  readonly tasks: readonly ApiTask[]
  readonly nodes: readonly ApiNode[]
}

export type TaskCounts = Pick<SwarmState, 'failures' | 'reschedules'>

interface SwarmStateContext {
  readonly allowedLabels: readonly string[]
  readonly counts?: TaskCounts
}

/**
 * So long after a task was created, by the time of the newest one, its slot's previous container may still run: on a
 * node that was cut off, or because it is slow to stop.
 */
const recentMs = 5 * 60_000
/** More recent tasks than this are a deployment of everything, not replacements. */
const maxReplacements = 500

export function swarmStateOf(
  swarmId: string,
  { services, tasks, nodes }: SwarmLists,
  { allowedLabels, counts }: SwarmStateContext,
): SwarmState {
  const running = tasks.filter(shouldRun)
  const tasksOf = Map.groupBy(tasks, ({ ServiceID }) => ServiceID)
  const recent = recentOf(running)
  return {
    swarmId,
    nodes: byId(nodes, (node) => nodeOf(node, allowedLabels)),
    services: byId(services, (service) =>
      serviceOf(service, tasksOf.get(service.ID) ?? [], { recent, allowedLabels }),
    ),
    containers: containersOf(tasks),
    ...counts,
  }
}

const shouldRun = ({ DesiredState }: ApiTask) => DesiredState !== 'complete'

function containersOf(tasks: readonly ApiTask[]): SwarmState['containers'] {
  const started = tasks
    .map(({ NodeID = '', Status }) => ({ node: NodeID, id: Status?.ContainerStatus?.ContainerID ?? '' }))
    .filter(({ id }) => id !== '')
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const byNode = Map.groupBy(started, ({ node }) => node)
  return new Map(
    [...byNode]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([node, tasksThere]) => [node, tasksThere.map(({ id }) => id.slice(0, taskContainerDigits))]),
  )
}

/** By the tasks alone, so that all managers agree. */
function recentOf(tasks: readonly ApiTask[]): ReadonlySet<ApiTask> {
  const createdAt = ({ CreatedAt = '' }: ApiTask) => Date.parse(CreatedAt) || 0
  const newest = tasks.reduce((latest, task) => Math.max(latest, createdAt(task)), 0)
  const recent = tasks.filter((task) => newest - createdAt(task) < recentMs)
  return new Set(recent.length > maxReplacements ? [] : recent)
}

/** Whether Swarm is still changing a service, so that tasks will change without an event. */
export function isConverging({ services, tasks }: SwarmLists): boolean {
  const tasksOf = Map.groupBy(tasks.filter(shouldRun), ({ ServiceID }) => ServiceID)
  return services.some(({ ID, Spec, UpdateStatus }) => {
    const wanted = Spec.Mode?.Replicated?.Replicas
    const isUpdating = /^(updating|rollback_started)$/.test(UpdateStatus?.State ?? '')
    return isUpdating || (wanted !== undefined && wanted !== (tasksOf.get(ID)?.length ?? 0))
  })
}

function serviceOf(
  { Spec: { Name, Labels, Mode }, UpdateStatus }: ApiService,
  all: readonly ApiTask[],
  { recent, allowedLabels }: { recent: ReadonlySet<ApiTask>; allowedLabels: readonly string[] },
): SwarmService {
  const mode = modeOf(Mode)
  const tasks = all.filter(shouldRun)
  const updateState = UpdateStatus?.State
  const bySlot = mode === 'replicated' ? slotsOf(tasks) : new Map<number, readonly ApiTask[]>()
  const slots = [...bySlot.keys()].sort((a, b) => a - b)
  const isContested = (inSlot: readonly ApiTask[]) =>
    inSlot.length > 1 || inSlot.some((task) => recent.has(task))
  return {
    name: Name,
    mode,
    replicas: Mode?.Replicated?.Replicas ?? (mode === 'global' ? tasks.length : 0),
    slots: slots.map(String),
    labels: exportedLabels(Labels, allowedLabels).labels,
    taskOrder: new Map(
      slots
        .map((slot) => [`${slot}`, bySlot.get(slot)!] as const)
        .filter(([, inSlot]) => isContested(inSlot))
        .map(([slot, inSlot]) => [slot, inSlot.toSorted(byAge).map(({ ID }) => ID)]),
    ),
    running: runningOf(tasks, mode),
    taskStates: taskStatesOf(all),
    ...(updateState && { updateState }),
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

/** The replicas of which a task runs: slots, or nodes. */
function runningOf(tasks: readonly ApiTask[], mode: SwarmService['mode']): number {
  const running = tasks.filter(({ Status }) => Status?.State === 'running')
  return new Set(running.map(({ ID, Slot, NodeID }) => (mode === 'global' ? NodeID : (Slot ?? ID)))).size
}

function taskStatesOf(tasks: readonly ApiTask[]): ReadonlyMap<string, number> {
  const byState = Map.groupBy(tasks, ({ Status }) => Status?.State ?? '')
  return new Map([...byState].map(([state, { length }]) => [state, length] as const).sort(byKey))
}

const byKey = ([a]: readonly [string, number], [b]: readonly [string, number]) => (a < b ? -1 : 1)

/** Written by the Swarm's leader, in UTC, so that text order is the order of time. */
const byAge = (a: ApiTask, b: ApiTask) => ((a.CreatedAt ?? '') < (b.CreatedAt ?? '') ? -1 : 1)

function nodeOf(
  { Spec, Description, Status, ManagerStatus }: ApiNode,
  allowedLabels: readonly string[],
): SwarmNode {
  return {
    hostname: Description?.Hostname ?? '',
    address: nodeAddress(Status?.Addr, ManagerStatus?.Addr),
    role: Spec?.Role === 'manager' ? 'manager' : 'worker',
    state: Status?.State ?? 'unknown',
    availability: Spec?.Availability ?? 'unknown',
    engineVersion: Description?.Engine?.EngineVersion ?? '',
    labels: exportedLabels(Spec?.Labels, allowedLabels).labels,
  }
}

/** A manager that was set up without an address of its own has `0.0.0.0` here. */
function nodeAddress(status = '', manager = ''): string {
  return status !== '' && status !== '0.0.0.0' ? status : manager.replace(/:\d+$/, '')
}

function byId<Row extends { readonly ID: string }, T>(
  rows: readonly Row[],
  of: (row: Row) => T,
): ReadonlyMap<string, T> {
  return new Map(rows.toSorted((a, b) => (a.ID < b.ID ? -1 : 1)).map((row) => [row.ID, of(row)]))
}
