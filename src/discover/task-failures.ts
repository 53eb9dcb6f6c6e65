// Counts the tasks that ended though they were meant to run, from the ended tasks that a manager lists. Each change of a
// task has a version that rises in the whole Swarm, and an ended task changes no more: what has a higher version than the
// last one counted is new.
//
// All managers' agents share one count: each goes on from the one that was begun first, its own or one that it received.
// An agent that has just started waits for the others' before it begins one, since a counter that falls to 0 and rises
// again would seem to have counted all of it twice.

import type { Clock } from '../clock.ts'
import type { Mono, SwarmState, TaskFailures } from '../model.ts'
import type { ApiService, ApiTask } from './docker-api.ts'
import type { SwarmLists } from './swarm-state.ts'

export interface FailureCount {
  /** Whether the ended tasks are to be read. Their list may be five times as long as that of the others. */
  isDue(swarmId: string): boolean
  add(swarmId: string, lists: Pick<SwarmLists, 'services' | 'nodes'>, ended: readonly ApiTask[]): void
  /** Also what others have counted since: a list that was read earlier must not make the count fall. */
  failures(): TaskFailures | undefined
  /** Some were new, so more may follow soon. */
  isRising(): boolean
}

/** By default, a slot in a restart loop ends a task every 5 s at most, and the Swarm keeps its last four. */
export const endedReadIntervalMs = 10_000
const maxWaitMs = 30_000

/** `received`: the newest swarm state of any manager. */
export function createFailureCount(clock: Clock, received: () => SwarmState | undefined): FailureCount {
  let countedSwarmId: string | undefined
  let startedAt: Mono = clock.now()
  let readAt: Mono | undefined
  let failures: TaskFailures | undefined
  let isRising = false

  function counts(): readonly TaskFailures[] {
    const state = received()
    const shared = state?.swarmId === countedSwarmId ? state?.failures : undefined
    return [failures, shared].filter((one) => one !== undefined)
  }

  return {
    isDue(swarmId) {
      if (swarmId !== countedSwarmId) {
        countedSwarmId = swarmId
        startedAt = clock.now()
        failures = undefined
        readAt = undefined
      }
      return readAt === undefined || clock.now() - readAt >= endedReadIntervalMs
    },
    add(swarmId, { services, nodes }, ended) {
      readAt = clock.now()
      countedSwarmId = swarmId
      const known = counts()
      const hasOthers = nodes.filter(({ Spec }) => Spec?.Role === 'manager').length > 1
      const isWaiting = known.length === 0 && hasOthers && readAt - startedAt < maxWaitMs
      const before = failures
      failures = isWaiting ? undefined : addFailures(known, ended, services)
      isRising = isWaiting || (before !== undefined && totalOf(failures!) > totalOf(before))
    },
    failures() {
      failures = counts().toSorted(byBeginning)[0]
      return failures
    },
    isRising: () => isRising,
  }
}

function totalOf({ services }: TaskFailures): number {
  const counts = [...services.values()].flatMap((byCode) => [...byCode.values()])
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Of a service; the tasks with further ones are counted together. */
const maxExitCodes = 16

/** `counts`: those to go on from; without any, counting begins after the tasks listed now. */
export function addFailures(
  counts: readonly TaskFailures[],
  ended: readonly ApiTask[],
  services: readonly ApiService[],
): TaskFailures {
  const newest = ended.reduce((highest, task) => Math.max(highest, versionOf(task)), 0)
  const from = counts.toSorted(byBeginning)[0] ?? {
    sinceVersion: newest,
    untilVersion: newest,
    services: new Map(),
  }
  const isNew = (task: ApiTask) => versionOf(task) > from.untilVersion
  const failed = Map.groupBy(ended.filter(isNew).filter(isFailure), ({ ServiceID }) => ServiceID)
  return {
    sinceVersion: from.sinceVersion,
    untilVersion: Math.max(from.untilVersion, newest),
    services: new Map(
      services
        .map(({ ID }) => ID)
        .sort()
        .map((id) => [id, added(from.services.get(id) ?? new Map(), failed.get(id) ?? [])]),
    ),
  }
}

/** Of two that were begun at once, the one that has counted further. */
const byBeginning = (a: TaskFailures, b: TaskFailures) =>
  a.sinceVersion - b.sinceVersion || b.untilVersion - a.untilVersion

function versionOf({ Version }: ApiTask): number {
  return Version?.Index ?? 0
}

/** Others were shut down, by an update or by scaling down. */
function isFailure({ DesiredState, Status }: ApiTask): boolean {
  return DesiredState === 'shutdown' && /^(failed|rejected|complete)$/.test(Status?.State ?? '')
}

function added(before: ReadonlyMap<string, number>, failed: readonly ApiTask[]): ReadonlyMap<string, number> {
  const byCode = new Map(before)
  for (const task of failed) {
    const code = exitCodeOf(task)
    const key = byCode.has(code) || byCode.size < maxExitCodes ? code : 'other'
    byCode.set(key, (byCode.get(key) ?? 0) + 1)
  }
  return new Map([...byCode].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** A task without a container has the code 0. */
function exitCodeOf({ Status }: ApiTask): string {
  const { ContainerID = '', ExitCode } = Status?.ContainerStatus ?? {}
  return ContainerID === '' || !Number.isSafeInteger(ExitCode) ? '' : `${ExitCode}`
}
