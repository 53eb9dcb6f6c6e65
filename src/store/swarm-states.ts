// The swarm states that managers sent, one per node, and the newest of them. Managers send one at least every 30 s; one
// that is equal to the newest is the same object. What a node sent is only used once that is a manager; where it was the
// last one, until another manager has sent a state.

import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.ts'
import type { Mono, NodeId, SwarmState, WithAge } from '../model.ts'

export interface SwarmStates {
  put(swarmState: SwarmState, from: NodeId, readAt: Mono): void
  /** That node is not the manager that it was. */
  delete(from: NodeId): void
  /** The own node has another id: it is in another Swarm, or in none. */
  changeNode(before: NodeId | undefined, next: NodeId): void
  /** To be called when other nodes may be managers. */
  choose(): void
  /** The one of a manager that was read last. */
  newest(): WithAge<SwarmState> | undefined
  of(node: NodeId): WithAge<SwarmState> | undefined
}

interface SwarmStatesDeps {
  readonly clock: Clock
  readonly isManager: (node: NodeId) => boolean
  /** The newest is another one. Not called when a manager sends an equal one. */
  readonly changed: () => void
}

interface Received {
  readonly value: SwarmState
  readonly readAt: Mono
  readonly from: NodeId
}

/** A state that is so much older than the newest comes from a manager that is gone. */
const maxBehindMs = 60_000

export function createSwarmStates({ clock, isManager, changed }: SwarmStatesDeps): SwarmStates {
  const received = new Map<NodeId, Received>()
  let newest: Received | undefined

  function use(next: Received | undefined): void {
    const before = newest?.value
    newest = next
    for (const [node, { readAt }] of received)
      if (newest && readAt < newest.readAt - maxBehindMs) received.delete(node)
    if (newest?.value !== before) changed()
  }

  const choose = () => use(newestOfManagers() ?? newest)

  function newestOfManagers(): Received | undefined {
    const usable = [...received.values()].filter(({ from }) => isManager(from))
    return usable.toSorted((a, b) => a.readAt - b.readAt).at(-1)
  }

  function dated(one: Received | undefined): WithAge<SwarmState> | undefined {
    return one && { value: one.value, ageMs: Math.max(0, clock.now() - one.readAt), from: one.from }
  }

  return {
    put(swarmState, from, readAt) {
      const value = isDeepStrictEqual(newest?.value, swarmState) ? newest!.value : swarmState
      received.set(from, { value, readAt, from })
      choose()
    },
    delete(from) {
      received.delete(from)
      use(newestOfManagers() ?? (newest?.from === from ? undefined : newest))
    },
    changeNode(before, next) {
      // what others sent as that node is none of ours
      for (const node of [before, next]) if (node !== undefined) received.delete(node)
      use(newestOfManagers())
    },
    choose,
    newest: () => dated(newest),
    of: (node) => dated(received.get(node)),
  }
}
