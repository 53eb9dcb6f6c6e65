// The addresses by which this agent reaches a container; if there are none, why, and what to do.

import type { Address, Target } from '../model.ts'
import type { Attachment, Container } from './container.ts'

/** What decides which container reaches which on this node. */
export interface NetworkContext {
  /** The agent's own container; absent: the agent is a process of the host. */
  readonly ownContainer: Container | undefined
  readonly containers: ReadonlyMap<string, Container>
  /** Drivers by network id. */
  readonly drivers: ReadonlyMap<string, string>
  readonly gatewayBridge: GatewayBridge
  /** The node's address as Swarm knows it. */
  readonly nodeAddress: string | undefined
}

/** Docker's `docker_gwbridge`, over which containers on overlay networks and the host reach each other. */
export interface GatewayBridge {
  readonly host?: string
  /** By container id. */
  readonly addresses: ReadonlyMap<string, string>
}

export type Reachability = Pick<Target, 'addresses' | 'unreachable'>

/** Every address, best first, in an order that depends on names alone. */
export function reachabilityOf(container: Container, context: NetworkContext): Reachability {
  const targetNetns = networkOwnerOf(container, context.containers)
  if (!targetNetns || targetNetns.state === 'stopped')
    return unreachable('the container whose network it shares is not running', 'start that container')
  const agentNetns = context.ownContainer && networkOwnerOf(context.ownContainer, context.containers)
  if (agentNetns?.id === targetNetns.id)
    return reachable([{ network: targetNetns.networkMode, host: '127.0.0.1' }])
  if (targetNetns.networkMode === 'none')
    return unreachable(
      'it has no network',
      'attach it to a network, or set the label app-metrics-proxy.enable=false',
    )
  if (!agentNetns || agentNetns.networkMode === 'host') return fromHost(targetNetns, context)
  return targetNetns.networkMode === 'host'
    ? toHost(agentNetns, context)
    : overSharedNetwork(targetNetns, agentNetns, container)
}

/** Whether the agent is a process of the host, or a container on the host's network. */
export function isOnHost({
  ownContainer,
  containers,
}: Pick<NetworkContext, 'ownContainer' | 'containers'>): boolean {
  const agentNetns = ownContainer && networkOwnerOf(ownContainer, containers)
  return !agentNetns || agentNetns.networkMode === 'host'
}

/** Whose network a container uses: its own, or another's (`container:…`); undefined: that one is not listed. */
export function networkOwnerOf(
  container: Container,
  containers: ReadonlyMap<string, Container>,
): Container | undefined {
  let owner: Container | undefined = container
  // Docker refuses to share with one that shares already, but a list is untrusted data
  for (let hops = 0; owner?.networkMode.startsWith('container:'); hops += 1)
    owner = hops < 4 ? find(owner.networkMode.slice('container:'.length), containers) : undefined
  return owner
}

/** By the id, or by what was given when the container was started: Docker versions differ. */
function find(key: string, containers: ReadonlyMap<string, Container>): Container | undefined {
  const exact = containers.get(key)
  return exact ?? [...containers.values()].find(({ id, name }) => name === key || id.startsWith(key))
}

/** The host reaches bridges, and what is on overlay networks only through docker_gwbridge. */
function fromHost(targetNetns: Container, context: NetworkContext): Reachability {
  if (targetNetns.networkMode === 'host') return reachable(hostAddresses(['127.0.0.1', context.nodeAddress]))
  const bridged = targetNetns.attachments.filter(
    ({ networkId }) => context.drivers.get(networkId) === 'bridge',
  )
  if (bridged.some(hostOf)) return reachable(addressesOn(bridged))
  const gateway = context.gatewayBridge.addresses.get(targetNetns.id)
  if (gateway) return reachable([{ network: 'docker_gwbridge', host: gateway }])
  return unreachable(
    `on no network that the host reaches (${quoted(targetNetns.attachments)})`,
    `attach it to a bridge network, or run the agent as a container on ${quoted(targetNetns.attachments)}`,
  )
}

/** From a container, the host is the gateway of each bridge, and its address in the Swarm. */
function toHost(
  agentNetns: Container,
  { drivers, gatewayBridge, nodeAddress }: NetworkContext,
): Reachability {
  const gateways = inOrder(agentNetns.attachments).map(({ gateway }) => gateway)
  const isOnOverlay = agentNetns.attachments.some(({ networkId }) => drivers.get(networkId) === 'overlay')
  const addresses = hostAddresses([...gateways, isOnOverlay ? gatewayBridge.host : undefined, nodeAddress])
  if (addresses.length > 0) return reachable(addresses)
  return unreachable(
    'on the host’s network, which the agent cannot reach',
    'attach the agent to a bridge network',
  )
}

function overSharedNetwork(
  targetNetns: Container,
  agentNetns: Container,
  container: Container,
): Reachability {
  const shared = targetNetns.attachments.filter(({ networkId }) =>
    agentNetns.attachments.some((own) => own.networkId === networkId),
  )
  if (shared.some(hostOf)) return reachable(addressesOn(shared))
  if (shared.length > 0)
    return unreachable(`Docker gives no address for it on ${quoted(shared)}`, 'restart the container')
  const subject = container === targetNetns ? 'it' : `\`${targetNetns.name}\`, whose network it shares,`
  const hints = [
    ...attachHint(subject, targetNetns, agentNetns),
    ...attachHint('the agent', agentNetns, targetNetns),
  ]
  return unreachable(
    'not on a network shared with the agent',
    hints.join(', or ') || 'attach both to one network',
  )
}

/** To which networks of the other it can be attached: a task only to user-defined ones. */
function attachHint(subject: string, container: Container, other: Container): readonly string[] {
  const excluded = ['ingress', 'none', 'docker_gwbridge', ...(isTask(container) ? ['bridge'] : [])]
  const usable = other.attachments.filter(({ network }) => !excluded.includes(network))
  return usable.length > 0 ? [`attach ${subject} to ${quoted(usable)}`] : []
}

const isTask = ({ labels }: Container) => 'com.docker.swarm.task.id' in labels

const quoted = (attachments: readonly Attachment[]) =>
  attachments.map(({ network }) => `\`${network}\``).join(' or ')

const hostOf = ({ ipv4, ipv6 }: Attachment) => ipv4 ?? ipv6

function addressesOn(attachments: readonly Attachment[]): Address[] {
  return inOrder(attachments).flatMap((attachment) => {
    const host = hostOf(attachment)
    return host === undefined ? [] : [{ network: attachment.network, host }]
  })
}

/** User-defined networks come before those that Docker attaches by itself. */
function inOrder(attachments: readonly Attachment[]): readonly Attachment[] {
  const rank = (network: string) => ['bridge', 'docker_gwbridge', 'ingress'].indexOf(network)
  return attachments.toSorted((a, b) => rank(a.network) - rank(b.network) || (a.network < b.network ? -1 : 1))
}

function hostAddresses(hosts: readonly (string | undefined)[]): Address[] {
  const known = hosts.filter((host) => host !== undefined)
  return [...new Set(known)].map((host) => ({ network: 'host', host }))
}

const reachable = (addresses: readonly Address[]): Reachability => ({ addresses })

const unreachable = (reason: string, hint: string): Reachability => ({
  addresses: [],
  unreachable: { code: 'no_address', reason, hint },
})
