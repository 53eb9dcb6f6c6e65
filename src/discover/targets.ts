// The targets of a node: its containers but the agent's own, and the entries of `TARGETS`.

import type { StaticTarget } from '../config/values.ts'
import type { Failure } from '../errors.ts'
import type { Labels, NodeId, Place, Target } from '../model.ts'
import { stackLabel } from '../names/resources.ts'
import { type NetworkContext, reachabilityOf } from './addresses.ts'
import type { Container } from './container.ts'

interface NodeTargets {
  /** In the order of their ids. */
  readonly targets: readonly Target[]
  /** What was left out at a limit. */
  readonly warnings: readonly Failure[]
}

/** Of a node with more, the newest are not watched, and stopped ones first of all. */
const maxTargets = 2_000

export function targetsOf(context: NetworkContext, node: NodeId): NodeTargets {
  const all = [...context.containers.values()].filter(({ id }) => id !== context.ownContainer?.id)
  const watched = watchedOf(all)
  return {
    targets: watched
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map((container) => targetOf(container, context, node)),
    warnings: [...tooManyContainers(all.length), ...tooLongLabels(watched)],
  }
}

export function watchedOf(all: readonly Container[]): readonly Container[] {
  return all.length > maxTargets ? all.toSorted(byPriority).slice(0, maxTargets) : all
}

function byPriority(a: Container, b: Container): number {
  const stopped = Number(a.state === 'stopped') - Number(b.state === 'stopped')
  return stopped || a.created - b.created || (a.id < b.id ? -1 : 1)
}

function tooManyContainers(count: number): Failure[] {
  if (count <= maxTargets) return []
  const reason = `of the ${count} containers of this node, the newest ${count - maxTargets} are not watched`
  return [
    { code: 'overloaded', reason, hint: `remove stopped containers: at most ${maxTargets} are watched` },
  ]
}

function tooLongLabels(containers: readonly Container[]): Failure[] {
  return containers
    .filter(({ omittedLabels }) => omittedLabels > 0)
    .map(({ name, omittedLabels }) => ({
      code: 'overloaded',
      reason: `${omittedLabels} labels of \`${name}\` are not read: they are too long`,
    }))
}

function targetOf(container: Container, context: NetworkContext, node: NodeId): Target {
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
    ...(state === 'stopped' ? { addresses: [] } : reachabilityOf(container, context)),
  }
}

/** By the labels that Swarm and Compose set. */
export function placeOf(labels: Labels): Place {
  return swarmPlace(labels) ?? composePlace(labels) ?? { kind: 'standalone' }
}

/** A task is named `<service>.<slot>.<task id>`, or `<service>.<node id>.<task id>` in a global service. */
function swarmPlace(labels: Labels): Place | undefined {
  const service = labels['com.docker.swarm.service.name']
  const serviceId = labels['com.docker.swarm.service.id']
  const task = labels['com.docker.swarm.task.id']
  const name = labels['com.docker.swarm.task.name'] ?? ''
  const [prefix, suffix] = [`${service}.`, `.${task}`]
  if (!service || !serviceId || !task || !name.startsWith(prefix) || !name.endsWith(suffix)) return undefined
  const stack = labels[stackLabel]
  const common = { service, serviceId, task, ...(stack && { stack }) }
  const slot = name.slice(prefix.length, -suffix.length)
  if (slot === labels['com.docker.swarm.node.id']) return { kind: 'global', ...common }
  return isNumber(slot) ? { kind: 'replicated', ...common, slot } : undefined
}

/** Compose 1 and 2 set the same labels. What `compose run` starts is no replica, though numbered like one. */
function composePlace(labels: Labels): Place | undefined {
  const project = labels['com.docker.compose.project']
  const service = labels['com.docker.compose.service']
  if (!project || !service || labels['com.docker.compose.oneoff'] === 'True') return undefined
  const number = labels['com.docker.compose.container-number'] ?? '1'
  return isNumber(number) ? { kind: 'compose', project, service, number } : undefined
}

const isNumber = (text: string) => /^[1-9]\d{0,8}$/.test(text)

export function staticTargets(entries: readonly StaticTarget[], node: NodeId): readonly Target[] {
  return entries.map(({ name, url }) => ({
    id: `static:${name}`,
    node,
    name,
    place: { kind: 'standalone' },
    image: '',
    labels: {},
    state: 'running',
    addresses: [{ network: 'static', host: new URL(url).hostname.replace(/^\[(.*)\]$/, '$1') }],
    url,
  }))
}
