// By which addresses this agent reaches a container, and if by none, why and what to do.

import type { Trouble } from '../errors.ts'
import type { Address } from '../model.ts'
import type { Attachment, Container } from './container.ts'

/** What decides who reaches whom on this node. */
export interface Surroundings {
  /** The agent's own container; absent: the agent is a process of the host. */
  readonly own: Container | undefined
  readonly containers: Containers
  /** Drivers by network id. */
  readonly drivers: ReadonlyMap<string, string>
  readonly gatewayBridge: GatewayBridge
  /** The node's address as Swarm knows it. */
  readonly nodeAddress: string | undefined
}

/** Docker's `docker_gwbridge`, over which containers on overlay networks reach the world, and the host them. */
export interface GatewayBridge {
  readonly host?: string
  /** By container id. */
  readonly addresses: ReadonlyMap<string, string>
}

type Containers = ReadonlyMap<string, Container>

export type Reach =
  | { readonly addresses: readonly [Address, ...Address[]] }
  | { readonly addresses: readonly []; readonly unreachable: Trouble }

/** Every way, best first, in an order that depends on nothing but names. */
export function reachOf(container: Container, around: Surroundings): Reach {
  const there = holderOf(container, around.containers)
  if (!there || there.state === 'stopped')
    return nowhere('the container whose network it shares is not running', 'start that container')
  const here = around.own && holderOf(around.own, around.containers)
  if (here?.id === there.id) return reach([{ network: there.mode, host: '127.0.0.1' }])
  if (there.mode === 'none')
    return nowhere(
      'it has no network',
      'attach it to a network, or set the label app-metrics-proxy.enable=false',
    )
  if (!here || here.mode === 'host') return fromHost(there, around)
  return there.mode === 'host' ? toHost(here, around) : overShared(there, here, container)
}

/** Whether the agent is a process of the host, or a container on the host's network. */
export function isOnHost({ own, containers }: Pick<Surroundings, 'own' | 'containers'>): boolean {
  const here = own && holderOf(own, containers)
  return !here || here.mode === 'host'
}

/** Whose network a container uses: its own, or another's (`container:…`), or that of one that isn't there. */
export function holderOf(container: Container, containers: Containers): Container | undefined {
  let holder: Container | undefined = container
  // Docker refuses to share with one that shares already, but a listing can say anything
  for (let hops = 0; holder?.mode.startsWith('container:'); hops += 1)
    holder = hops < 4 ? meant(holder.mode.slice('container:'.length), containers) : undefined
  return holder
}

/** The id, or what the person wrote who started the container: Docker versions differ. */
function meant(text: string, containers: Containers): Container | undefined {
  const exact = containers.get(text)
  return exact ?? [...containers.values()].find(({ id, name }) => name === text || id.startsWith(text))
}

/** The host reaches bridges, and what is on overlay networks only through docker_gwbridge. */
function fromHost(there: Container, around: Surroundings): Reach {
  if (there.mode === 'host') return reach(hostAddresses(['127.0.0.1', around.nodeAddress]))
  const bridged = there.attachments.filter(({ networkId }) => around.drivers.get(networkId) === 'bridge')
  if (bridged.some(hostOf)) return reach(addressesOn(bridged))
  const gateway = around.gatewayBridge.addresses.get(there.id)
  if (gateway) return reach([{ network: 'docker_gwbridge', host: gateway }])
  return nowhere(
    `on no network that the host reaches (${quoted(there.attachments)})`,
    `attach it to a bridge network, or run the agent as a container on ${quoted(there.attachments)}`,
  )
}

/** From a container, the host is the gateway of each bridge, and its address in the Swarm. */
function toHost(here: Container, { drivers, gatewayBridge, nodeAddress }: Surroundings): Reach {
  const gateways = inOrder(here.attachments).map(({ gateway }) => gateway)
  const overlay = here.attachments.some(({ networkId }) => drivers.get(networkId) === 'overlay')
  const addresses = hostAddresses([...gateways, overlay ? gatewayBridge.host : undefined, nodeAddress])
  if (addresses.length > 0) return reach(addresses)
  return nowhere(
    'on the host’s network, which the agent cannot reach',
    'attach the agent to a bridge network',
  )
}

function overShared(there: Container, here: Container, container: Container): Reach {
  const shared = there.attachments.filter(({ networkId }) =>
    here.attachments.some((mine) => mine.networkId === networkId),
  )
  if (shared.some(hostOf)) return reach(addressesOn(shared))
  if (shared.length > 0)
    return nowhere(`Docker tells no address for it on ${quoted(shared)}`, 'restart the container')
  const it = container === there ? 'it' : `\`${there.name}\`, whose network it shares,`
  const ways = [...waysTo(it, there, here), ...waysTo('the agent', here, there)]
  return nowhere('not on a network shared with the agent', ways.join(', or ') || 'attach both to one network')
}

/** To which of another container's networks one can be attached: a task only to those that somebody made. */
function waysTo(it: string, container: Container, other: Container): readonly string[] {
  const closed = ['ingress', 'none', 'docker_gwbridge', ...(isTask(container) ? ['bridge'] : [])]
  const open = other.attachments.filter(({ network }) => !closed.includes(network))
  return open.length > 0 ? [`attach ${it} to ${quoted(open)}`] : []
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

/** Networks that somebody made for a purpose come before those that Docker attaches by itself. */
function inOrder(attachments: readonly Attachment[]): readonly Attachment[] {
  const rank = (network: string) => ['bridge', 'docker_gwbridge', 'ingress'].indexOf(network)
  return attachments.toSorted((a, b) => rank(a.network) - rank(b.network) || (a.network < b.network ? -1 : 1))
}

function hostAddresses(hosts: readonly (string | undefined)[]): Address[] {
  const known = hosts.filter((host) => host !== undefined)
  return [...new Set(known)].map((host) => ({ network: 'host', host }))
}

const reach = (addresses: readonly Address[]): Reach => ({
  addresses: addresses as readonly [Address, ...Address[]],
})

const nowhere = (reason: string, hint: string): Reach => ({
  addresses: [],
  unreachable: { code: 'no_address', reason, hint },
})
