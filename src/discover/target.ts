// Targets out of the picture of a node.

import type { Trouble } from '../errors.ts'
import type { NodeId, Target } from '../model.ts'
import { type Reach, reachOf, type Surroundings } from './addresses.ts'
import type { Container } from './container.ts'
import { placeOf } from './place.ts'

interface Targets {
  /** All but the agent itself, in the order of their ids. */
  readonly targets: readonly Target[]
  /** What was left out at a cap. */
  readonly warnings: readonly Trouble[]
}

/** Of a node with more, the newest are not watched, and stopped ones first of all. */
const mostTargets = 2_000

export function targetsOf(around: Surroundings, node: NodeId): Targets {
  const all = [...around.containers.values()].filter(({ id }) => id !== around.own?.id)
  const watched = all.length > mostTargets ? all.sort(byWorth).slice(0, mostTargets) : all
  return {
    targets: watched
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map((container) => targetOf(container, around, node)),
    warnings: [...tooMany(all.length), ...tooLong(watched)],
  }
}

function byWorth(a: Container, b: Container): number {
  const stopped = Number(a.state === 'stopped') - Number(b.state === 'stopped')
  return stopped || a.created - b.created || (a.id < b.id ? -1 : 1)
}

function tooMany(count: number): Trouble[] {
  if (count <= mostTargets) return []
  const reason = `of the ${count} containers of this node, the newest ${count - mostTargets} are not watched`
  return [
    { code: 'overloaded', reason, hint: `remove stopped containers: at most ${mostTargets} are watched` },
  ]
}

function tooLong(containers: readonly Container[]): Trouble[] {
  return containers
    .filter(({ labelsLeftOut }) => labelsLeftOut > 0)
    .map(({ name, labelsLeftOut }) => ({
      code: 'overloaded',
      reason: `${labelsLeftOut} labels of \`${name}\` are not read: they are too long`,
    }))
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
