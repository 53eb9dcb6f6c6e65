// Which containers are Swarm's tasks, as their labels claim: those that the managers list. Labels can be put on any
// container; a container's id can't be chosen.
//
// States of a container with a task's labels:
//   provisional  until the managers' list has it, or lacks it; it stays so where no list comes, or where the managers
//                have lost this node
//   known        a list had it; it stays so until the container is gone
//   unknown      a list lacks it that was read long enough after it was first seen, or the service of its labels is
//                another one; it is standalone until a list has it

import type { Clock } from '../clock.ts'
import {
  isListedTask,
  type Mono,
  type NodeId,
  type Place,
  type SwarmState,
  type Target,
  type WithAge,
} from '../model.ts'

export interface TaskCheck {
  /** The targets with their places by that state. All targets each time: one that is absent is forgotten. */
  check(targets: readonly Target[]): readonly Target[]
  stop(): void
}

interface TaskRecord {
  readonly firstSeen: Mono
  readonly state: 'provisional' | 'known' | 'unknown'
}

type SwarmPlace = Extract<Place, { readonly task: string }>
type LabelledTarget = Target & { readonly place: SwarmPlace }

/**
 * A worker reports a container as it starts it. Within this time the report has arrived or the managers list
 * the node as not ready, and a list read before is not taken for one read after, however long it took.
 */
const reportTimeoutMs = 20_000
const recheckMs = 1_000

/** `onRecheck` is called when `check` comes to another result. */
export function createTaskCheck(
  clock: Clock,
  newestSwarmState: () => WithAge<SwarmState> | undefined,
  onRecheck: () => void,
): TaskCheck {
  let records: ReadonlyMap<string, TaskRecord> = new Map()
  let cancelRecheck = () => {}

  function recordOf(target: LabelledTarget, swarmState: WithAge<SwarmState> | undefined): TaskRecord {
    const { firstSeen, state } = records.get(target.id) ?? { firstSeen: clock.now() }
    if (state === 'known') return { firstSeen, state }
    return { firstSeen, state: stateOf(target, swarmState, clock.now() - firstSeen) }
  }

  function recheckLater(targets: readonly LabelledTarget[]): void {
    cancelRecheck()
    if (targets.every(({ id }) => records.get(id)!.state === 'known')) return
    cancelRecheck = clock.after(recheckMs, () => {
      const swarmState = newestSwarmState()
      const isSame = (target: LabelledTarget) =>
        recordOf(target, swarmState).state === records.get(target.id)!.state
      if (targets.every(isSame)) recheckLater(targets)
      else onRecheck()
    })
  }

  return {
    check(targets) {
      const swarmState = newestSwarmState()
      const labelled = targets.filter(hasTaskLabels)
      records = new Map(labelled.map((target) => [target.id, recordOf(target, swarmState)]))
      recheckLater(labelled)
      return targets.map((target) =>
        hasTaskLabels(target) ? placed(target, records.get(target.id)!) : target,
      )
    },
    stop: () => cancelRecheck(),
  }
}

function hasTaskLabels(target: Target): target is LabelledTarget {
  return 'task' in target.place
}

function stateOf(
  target: LabelledTarget,
  swarmState: WithAge<SwarmState> | undefined,
  seenForMs: number,
): TaskRecord['state'] {
  if (!swarmState) return 'provisional'
  if (isListedTask(swarmState.value, target.node, target.id)) return 'known'
  return isRefuted(target.place, swarmState.value) || isUnlisted(target.node, swarmState, seenForMs)
    ? 'unknown'
    : 'provisional'
}

function placed(target: LabelledTarget, { state }: TaskRecord): Target {
  const { place } = target
  if (state === 'known') return target
  if (state === 'unknown') return { ...target, place: { kind: 'standalone', claimedService: place.service } }
  return { ...target, place: { ...place, provisional: true } }
}

/** No task of that service looks like this, listed or not. */
function isRefuted({ kind, service, serviceId }: SwarmPlace, { services }: SwarmState): boolean {
  const swarmService = services.get(serviceId)
  if (!swarmService) return false
  return swarmService.name !== service || (swarmService.mode !== 'job' && swarmService.mode !== kind)
}

/** Managers that have lost a node list what it ran before. */
function isUnlisted(node: NodeId, { value, ageMs }: WithAge<SwarmState>, seenForMs: number): boolean {
  return value.nodes.get(node)?.state === 'ready' && seenForMs - ageMs >= reportTimeoutMs
}
