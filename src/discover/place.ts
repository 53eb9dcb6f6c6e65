// A container's place in a service, read from labels that Swarm and Compose set.

import type { Labels, Place } from '../model.ts'

export function placeOf(labels: Labels): Place {
  return swarmPlace(labels) ?? composePlace(labels) ?? { kind: 'standalone' }
}

/** A task is named `<service>.<slot>.<task id>`, or `<service>.<node id>.<task id>` in a global service. */
function swarmPlace(labels: Labels): Place | undefined {
  const service = labels['com.docker.swarm.service.name']
  const serviceId = labels['com.docker.swarm.service.id']
  const task = labels['com.docker.swarm.task.id']
  const name = labels['com.docker.swarm.task.name'] ?? ''
  const [before, after] = [`${service}.`, `.${task}`]
  if (!service || !serviceId || !task || !name.startsWith(before) || !name.endsWith(after)) return undefined
  const stack = labels['com.docker.stack.namespace']
  const common = { service, serviceId, task, ...(stack && { stack }) }
  const slot = name.slice(before.length, -after.length)
  if (slot === labels['com.docker.swarm.node.id']) return { kind: 'global', ...common }
  return isNumber(slot) ? { kind: 'replicated', ...common, slot } : undefined
}

/** Versions 1 and 2 set the same labels. What `compose run` starts is no replica, though numbered like one. */
function composePlace(labels: Labels): Place | undefined {
  const project = labels['com.docker.compose.project']
  const service = labels['com.docker.compose.service']
  if (!project || !service || labels['com.docker.compose.oneoff'] === 'True') return undefined
  const number = labels['com.docker.compose.container-number'] ?? '1'
  return isNumber(number) ? { kind: 'compose', project, service, number } : undefined
}

const isNumber = (text: string) => /^[1-9]\d{0,8}$/.test(text)
