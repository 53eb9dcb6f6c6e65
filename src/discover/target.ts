// Targets out of the picture of a node.

import type { NodeId, Target } from '../model.ts'
import { type Reach, reachOf, type Surroundings } from './addresses.ts'
import type { Container } from './container.ts'
import { placeOf } from './place.ts'

/** All but the agent itself, in the order of their ids. */
export function targetsOf(around: Surroundings, node: NodeId): readonly Target[] {
  return [...around.containers.values()]
    .filter(({ id }) => id !== around.own?.id)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((container) => targetOf(container, around, node))
}

function targetOf(container: Container, around: Surroundings, node: NodeId): Target {
  const { id, name, image, labels, state, exitCode } = container
  return {
    id,
    node,
    name,
    place: placeOf(labels),
    image,
    labels,
    state,
    ...(exitCode !== undefined && { exitCode }),
    ...(state === 'stopped' ? stopped(exitCode) : reachOf(container, around)),
  }
}

function stopped(exitCode: number | undefined): Reach {
  const reason = exitCode === undefined ? 'it is not running' : `it ended with exit code ${exitCode}`
  return { addresses: [], unreachable: { code: 'stopped', reason } }
}
