// Which containers are Swarm's tasks, as their labels say: those that the managers list. Labels can be put on any
// container; a container's id can't be chosen.
//
// A container with a task's labels is provisional until the managers' list shows it: then it is known, until it is
// gone. If a list that was read long enough after it was first seen doesn't show it, it is unknown, a container by
// itself, until one does. Where no list comes, or the managers have lost this node, it stays provisional.

import type { Clock } from '../clock.ts'
import {
  type Mono,
  type NodeId,
  type Place,
  type SwarmState,
  type Target,
  taskContainerDigits,
} from '../model.ts'

/** What the managers listed, and since when, by this process's clock, that is certain. */
export interface HeldSwarmState {
  readonly value: SwarmState
  readonly age: number
}

export interface Tasks {
  /** The targets with the places that they really have. All of them each time: what is missing is forgotten. */
  settle(targets: readonly Target[]): readonly Target[]
  stop(): void
}

interface Seen {
  readonly since: Mono
  readonly isKnown: boolean
}

/**
 * A worker reports a container as it starts it. Within this time the report has arrived or the managers say that
 * the node isn't ready, and a list read before is not taken for one read after, however long it was under way.
 */
const settleMs = 20_000
/** How often it is looked whether something is to be decided anew, while it may be. */
const lookEveryMs = 1_000

type TaskPlace = Extract<Place, { readonly task: string }>

/** `again` is called when `settle` may come to another result. */
export function createTasks(
  clock: Clock,
  swarmState: () => HeldSwarmState | undefined,
  again: () => void,
): Tasks {
  let seen: ReadonlyMap<string, Seen> = new Map()
  let cancel = () => {}

  function look(target: Target, state: HeldSwarmState | undefined): Seen {
    const { since, isKnown } = seen.get(target.id) ?? { since: clock.now(), isKnown: false }
    return { since, isKnown: isKnown || (state !== undefined && isListed(target, state.value)) }
  }

  return {
    settle(targets) {
      const state = swarmState()
      const claimants = targets.filter(isClaimant)
      seen = new Map(claimants.map((target) => [target.id, look(target, state)]))
      cancel()
      if (claimants.some(({ id }) => !seen.get(id)!.isKnown)) cancel = clock.after(lookEveryMs, again)
      return targets.map((target) =>
        isClaimant(target) ? placed(target, seen.get(target.id)!, state, clock.now()) : target,
      )
    },
    stop: () => cancel(),
  }
}

function isClaimant(target: Target): target is Target & { readonly place: TaskPlace } {
  return 'task' in target.place
}

function isListed({ id, node }: Target, { containers }: SwarmState): boolean {
  return containers.get(node)?.includes(id.slice(0, taskContainerDigits)) ?? false
}

function placed(
  target: Target & { readonly place: TaskPlace },
  { since, isKnown }: Seen,
  state: HeldSwarmState | undefined,
  now: Mono,
): Target {
  const { node, place } = target
  if (isKnown) return target
  if (state && (isRefuted(place, state.value) || isMissing(node, state, now - since)))
    return { ...target, place: { kind: 'standalone', claims: place.service } }
  return { ...target, place: { ...place, provisional: true } }
}

/** No task of that service looks like this, listed or not. */
function isRefuted({ kind, service, serviceId }: TaskPlace, { services }: SwarmState): boolean {
  const declared = services.get(serviceId)
  if (!declared) return false
  return declared.name !== service || (declared.mode !== 'job' && declared.mode !== kind)
}

/** What managers say of a node that they have lost is what it ran before. */
function isMissing(node: NodeId, { value, age }: HeldSwarmState, seenForMs: number): boolean {
  return value.nodes.get(node)?.state === 'ready' && seenForMs - age >= settleMs
}
