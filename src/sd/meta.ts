// `__meta_dockerswarm_…`: the names and values of Prometheus' own discovery of Swarm's tasks, so that existing
// relabel rules go on working. Printed piece by piece: thousands of targets share a service, a node, or the
// same labels, and the whole list is made anew at each change.

import { sanitise } from '../labels/families.ts'
import type { NodeId, SwarmState, Target } from '../model.ts'
import type { Replica } from './replicas.ts'

/** Members of a JSON object, each after a comma; empty where there is nothing to say. */
export type PrintMeta = (replica: Replica) => string

const prefix = '__meta_dockerswarm_'
/** Put on each container by Swarm itself, not part of what the service was created with. */
const bySwarm = 'com.docker.swarm.'

const wanted = member('task_desired_state', 'running')
const runs = member('task_state', 'running')

export function metaPrinter(swarmState: SwarmState | undefined): PrintMeta {
  const nodes = new Map<NodeId, string>()
  const services = new Map<Replica['declared'], string>()

  const nodeMeta = (id: NodeId) => remembered(nodes, id, () => printNode(id, swarmState))
  const serviceMeta = ({ declared, entry }: Replica) =>
    declared ? remembered(services, declared, () => printDeclared(declared)) : printSeen(entry!.target)

  return (replica) => {
    const { declared, entry, slot } = replica
    const kind = entry?.target.place.kind
    if (!declared && kind !== 'replicated' && kind !== 'global') return ''
    const meta = serviceMeta(replica) + member('task_slot', slot ?? '0') + wanted
    if (!entry) return meta
    return meta + (entry.ended ? '' : runs) + targetMeta(entry.target) + nodeMeta(entry.owner)
  }
}

function printDeclared({ id, name, mode, labels }: NonNullable<Replica['declared']>): string {
  const service = { service_id: id, service_name: name, service_mode: mode === 'job' ? '' : mode }
  return members(service) + labelMembers('service_label_', labels)
}

function printSeen({ place }: Target): string {
  if (!('serviceId' in place)) return ''
  return members({ service_id: place.serviceId, service_name: place.service, service_mode: place.kind })
}

function printNode(id: NodeId, swarmState: SwarmState | undefined): string {
  const node = swarmState?.nodes.get(id)
  if (!node) return members({ node_id: id })
  const { hostname, address, role, state, availability } = node
  return members({
    node_id: id,
    node_hostname: hostname,
    node_address: address,
    node_role: role,
    node_status: state,
    node_availability: availability,
  })
}

const printed = new WeakMap<Target, string>()

/** What never changes as long as the target is the same. */
function targetMeta(target: Target): string {
  const before = printed.get(target)
  if (before !== undefined) return before
  const text = printTarget(target)
  printed.set(target, text)
  return text
}

function printTarget({ id, place, labels }: Target): string {
  const task = 'task' in place ? member('task_id', place.task) : ''
  const own = Object.fromEntries(Object.entries(labels).filter(([key]) => !key.startsWith(bySwarm)))
  return task + member('task_container_id', id) + labelMembers('container_label_', own)
}

/** Two keys may come to one name: the first in the order of the alphabet counts, by every agent. */
function labelMembers(kind: string, labels: Readonly<Record<string, string>>): string {
  const names = new Map<string, string>()
  for (const key of Object.keys(labels).sort())
    if (!names.has(kind + sanitise(key))) names.set(kind + sanitise(key), labels[key]!)
  return members(Object.fromEntries(names))
}

function members(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => member(name, value))
    .join('')
}

/** The name is sanitised, the value can be anything. */
function member(name: string, value: string): string {
  return `,"${prefix}${name}":${JSON.stringify(value)}`
}

function remembered<K, V>(memory: Map<K, V>, key: K, make: () => V): V {
  const before = memory.get(key)
  if (before !== undefined) return before
  const value = make()
  memory.set(key, value)
  return value
}
