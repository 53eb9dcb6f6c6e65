// Counts the tasks that failed, and those that moved to another node since theirs could run them no more, from the tasks
// that a manager lists. Each change of a task has a version that rises in the whole Swarm. A failure is new if its version
// is above all that were read before, and if it was no failure then: a node that gets another manager reports its ended
// tasks again. A lost task of a node that is down may change much later, so what counts of one that moved is when its
// replacement was created.
//
// All managers' agents share the counts: each goes on from the ones that were begun first, its own or those that it
// received. An agent that has just started waits for the others' before it begins any, since a counter that falls to 0
// and rises again would seem to have counted all of it twice.

import type { Clock } from '../clock.ts'
import { type FailureCount, type Mono, type SwarmState, type TaskCount, taskIdCharacters } from '../model.ts'
import type { ApiNode, ApiService, ApiTask } from './docker-api.ts'
import type { SwarmLists, TaskCounts } from './swarm-state.ts'

export interface TaskCounter {
  /** Whether the ended tasks are to be read. Their list may be five times as long as that of the others. */
  isDue(swarmId: string): boolean
  add(swarmId: string, lists: SwarmLists, ended: readonly ApiTask[]): void
  /** Also what others have counted after: a list that was read earlier must not make a count fall. */
  counts(): TaskCounts
  /** Some failures were new, so more may follow soon. */
  isRising(): boolean
}

/** By default, a slot in a restart loop ends a task every 5 s at most, and the Swarm keeps its last four. */
export const endedReadIntervalMs = 10_000
const maxWaitMs = 30_000

/** `received`: the newest swarm state of any manager. */
export function createTaskCounter(clock: Clock, received: () => SwarmState | undefined): TaskCounter {
  let countedSwarmId: string | undefined
  let startedAt: Mono = clock.now()
  let readAt: Mono | undefined
  let own: TaskCounts = {}
  let isRising = false

  function known<K extends keyof TaskCounts>(kind: K): readonly NonNullable<TaskCounts[K]>[] {
    const state = received()
    const shared = state?.swarmId === countedSwarmId ? state?.[kind] : undefined
    return [own[kind], shared].filter((one) => one !== undefined)
  }

  return {
    isDue(swarmId) {
      if (swarmId !== countedSwarmId) {
        countedSwarmId = swarmId
        startedAt = clock.now()
        own = {}
        readAt = undefined
      }
      return readAt === undefined || clock.now() - readAt >= endedReadIntervalMs
    },
    add(swarmId, lists, ended) {
      readAt = clock.now()
      countedSwarmId = swarmId
      const hasOthers = lists.nodes.filter(({ Spec }) => Spec?.Role === 'manager').length > 1
      const isWaiting = known('failures').length === 0 && hasOthers && readAt - startedAt < maxWaitMs
      const before = own.failures
      const failures = addFailures(known('failures'), ended, lists.services)
      const reschedules = addReschedules(known('reschedules'), ended, lists)
      own = isWaiting ? {} : { failures, reschedules }
      isRising = isWaiting || (before !== undefined && totalOf(failures) > totalOf(before))
    },
    counts() {
      const [failures] = known('failures').toSorted(byBeginning)
      const [reschedules] = known('reschedules').toSorted(byBeginning)
      own = { ...(failures && { failures }), ...(reschedules && { reschedules }) }
      return own
    },
    isRising: () => isRising,
  }
}

function totalOf({ services }: TaskCount): number {
  const counts = [...services.values()].flatMap((byKey) => [...byKey.values()])
  return counts.reduce((sum, count) => sum + count, 0)
}

/** A task to be counted, and where it comes in the order in which all are. */
interface Counted {
  readonly service: string | undefined
  readonly order: number
  readonly key: string
}

export function addFailures(
  counts: readonly FailureCount[],
  ended: readonly ApiTask[],
  services: readonly ApiService[],
): FailureCount {
  const before = counts.toSorted(byBeginning)[0]
  const newest = maxOf(ended, versionOf)
  const failures = ended.filter(isFailure)
  const known = new Set(before?.tasks)
  const failed = failures
    .filter((task) => !known.has(shortIdOf(task)))
    .map((task) => ({ service: task.ServiceID, order: versionOf(task), key: exitCodeOf(task) }))
  const isNewer = !before || newest > before.upTo
  return {
    ...addTo(counts, failed, { newest, services }),
    tasks: isNewer ? failures.map(shortIdOf).sort() : before.tasks,
  }
}

const shortIdOf = ({ ID }: ApiTask) => ID.slice(0, taskIdCharacters)

export function addReschedules(
  counts: readonly TaskCount[],
  ended: readonly ApiTask[],
  { services, tasks, nodes }: SwarmLists,
): TaskCount {
  const all = [...new Map([...tasks, ...ended].map((task) => [task.ID, task])).values()]
  const inSlots = Map.groupBy(
    all.filter(({ Slot = 0 }) => Slot > 0),
    ({ ServiceID, Slot }) => `${ServiceID} ${Slot}`,
  )
  const nodesById = new Map(nodes.map((node) => [node.ID, node]))
  const moved = [...inSlots.values()].flatMap((inSlot) => movedIn(inSlot, nodesById))
  return addTo(counts, moved, { newest: maxOf(all, createdMs), services })
}

/** What replaced a slot's tasks that had not failed, and were on a node that takes no tasks. */
function movedIn(inSlot: readonly ApiTask[], nodes: ReadonlyMap<string, ApiNode>): readonly Counted[] {
  const inOrder = inSlot.toSorted((a, b) => createdMs(a) - createdMs(b))
  return inOrder.slice(1).flatMap((task, at) => {
    const before = inOrder[at]!
    const wasShutDown = before.DesiredState === 'shutdown' && !isFailure(before)
    const key = wasShutDown && before.NodeID ? lossOf(nodes.get(before.NodeID)) : undefined
    return key ? [{ service: task.ServiceID, order: createdMs(task), key }] : []
  })
}

/** Why Swarm moves a node's tasks elsewhere, if it does. */
function lossOf(node: ApiNode | undefined): string | undefined {
  if (!node) return 'removed'
  if (node.Spec?.Availability === 'drain') return 'drain'
  return node.Status?.State === 'down' ? 'down' : undefined
}

/** `counts`: those to go on from; without any, counting begins after `newest`. */
function addTo(
  counts: readonly TaskCount[],
  found: readonly Counted[],
  { newest, services }: { newest: number; services: readonly ApiService[] },
): TaskCount {
  const from = counts.toSorted(byBeginning)[0] ?? { after: newest, upTo: newest, services: new Map() }
  const added = Map.groupBy(
    found.filter(({ order }) => order > from.upTo),
    ({ service }) => service,
  )
  return {
    after: from.after,
    upTo: Math.max(from.upTo, newest),
    services: new Map(
      services
        .map(({ ID }) => ID)
        .sort()
        .map((id) => [id, sumOf(from.services.get(id) ?? new Map(), added.get(id) ?? [])]),
    ),
  }
}

/** Of two that were begun at once, the one that has counted further. */
const byBeginning = (a: TaskCount, b: TaskCount) =>
  a.after - b.after || b.upTo - a.upTo || totalOf(b) - totalOf(a)

const maxOf = (tasks: readonly ApiTask[], of: (task: ApiTask) => number) =>
  tasks.reduce((highest, task) => Math.max(highest, of(task)), 0)

function versionOf({ Version }: ApiTask): number {
  return Version?.Index ?? 0
}

const createdMs = ({ CreatedAt = '' }: ApiTask) => Date.parse(CreatedAt) || 0

/** Others were shut down: by an update, by scaling down, or with their node. */
function isFailure({ DesiredState, Status }: ApiTask): boolean {
  return DesiredState === 'shutdown' && /^(failed|rejected|complete)$/.test(Status?.State ?? '')
}

/** Of a service; the tasks with further ones are counted together. */
const maxExitCodes = 16

function sumOf(before: ReadonlyMap<string, number>, added: readonly Counted[]): ReadonlyMap<string, number> {
  const byKey = new Map(before)
  for (const task of added) {
    const key = byKey.has(task.key) || byKey.size < maxExitCodes ? task.key : 'other'
    byKey.set(key, (byKey.get(key) ?? 0) + 1)
  }
  return new Map([...byKey].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** A task without a container has the code 0. */
function exitCodeOf({ Status }: ApiTask): string {
  const { ContainerID = '', ExitCode } = Status?.ContainerStatus ?? {}
  return ContainerID === '' || !Number.isSafeInteger(ExitCode) ? '' : `${ExitCode}`
}
