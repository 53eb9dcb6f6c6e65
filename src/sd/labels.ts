// What Prometheus is told about one replica: how to ask for it, and which labels it bears.
//
// A target's identity is its URL and all its labels but `__meta_…`. So nothing here may differ by who is
// asked, and what changes as a replica moves stands in `__meta_…` only.

import { jobOf } from '../labels/job.ts'
import type { Settings } from '../labels/settings.ts'
import { agentName, type NodeId, type SwarmState } from '../model.ts'
import { compoundKey } from '../names/compound-key.ts'
import { pinOf } from '../names/pin.ts'
import { durationText } from '../promql/text.ts'
import type { PrintMeta } from './meta.ts'
import type { Replica } from './replicas.ts'

export interface Surroundings {
  readonly swarmState: SwarmState | undefined
  /** `CLUSTER`, where it is set. */
  readonly cluster: string | undefined
  /** What a node is called: unique in the cluster. */
  readonly nodeName: (node: NodeId) => string
  /** The node's hostname, unique or not. */
  readonly hostname: (node: NodeId) => string
  /** The address of the owner's agent; of any agent for a slot that has no container. */
  readonly address: (node: NodeId | undefined) => string
}

export type Labels = Record<string, string>

export interface Listed {
  /** By which the list is sorted, and of which there may be one: job and instance. */
  readonly key: string
  /** All labels that are part of the target's identity. */
  readonly labels: Readonly<Labels>
  /** The target in JSON, with a comma and a line feed. As bytes, since joining ten thousand strings takes 30 ms. */
  readonly line: Buffer
}

function listed(address: string, labels: Labels, meta: string): Listed {
  const json = `{"targets":[${JSON.stringify(address)}],"labels":${JSON.stringify(labels).slice(0, -1)}${meta}}},\n`
  return { key: compoundKey(labels.job!, labels.instance!), labels, line: Buffer.from(json) }
}

export function describe(replica: Replica, around: Surroundings, printMeta: PrintMeta): Listed {
  const { service, stack, slot, pinnedAs, entry, settings } = replica
  const node = entry && around.nodeName(entry.owner)
  const seat =
    pinnedAs === undefined
      ? { name: service, of: slot! }
      : { name: pinnedAs, of: pinOf(entry!.target, pinnedAs, node!) }
  const labels: Labels = {
    ...settings.labels,
    __metrics_path__: `/${seat.name}/${seat.of}/metrics`,
    job: jobOf(settings, service, stack),
    instance: pinnedAs === undefined ? `${seat.name}.${seat.of}` : `${seat.name}@${seat.of}`,
    service,
    cluster: clusterOf(entry?.owner, around),
  }
  if (stack !== undefined) labels.stack = stack
  if (slot !== undefined) labels.slot = slot
  if (pinnedAs !== undefined) labels.node = node!
  addScrape(labels, settings)
  return listed(around.address(entry?.owner), labels, printMeta(replica))
}

/** An agent's own metrics; through any agent where all go by one address. */
export function describeAgent(node: NodeId, shared: boolean, around: Surroundings): Listed {
  const name = around.nodeName(node)
  const labels = {
    __metrics_path__: shared ? `/${agentName}/${name}/metrics` : '/metrics',
    job: agentName,
    instance: `${agentName}@${name}`,
    service: agentName,
    cluster: clusterOf(node, around),
    node: name,
  }
  return listed(around.address(node), labels, '')
}

function clusterOf(node: NodeId | undefined, { cluster, swarmState, hostname }: Surroundings): string {
  return cluster ?? swarmState?.cluster ?? (node === undefined ? '' : hostname(node))
}

/** Prometheus' own default, which holds unless its configuration says otherwise. */
const usualTimeoutMs = 10_000

/**
 * Prometheus drops a target whose timeout exceeds its interval, and the other of the two may come from its
 * configuration: so they are told together or not at all.
 */
function addScrape(labels: Labels, { interval, timeout, params }: Settings): void {
  if (interval) {
    labels.__scrape_interval__ = durationText(interval.value)
    labels.__scrape_timeout__ = durationText(timeout?.value ?? Math.min(interval.value, usualTimeoutMs))
  }
  for (const [name, value] of Object.entries(params)) labels[`__param_${name}`] = value
}
