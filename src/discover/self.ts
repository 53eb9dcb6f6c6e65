// Who this agent is, by what Docker says of its node and of its own container.

import { ProxyError } from '../errors.ts'
import type { NodeId, Self } from '../model.ts'
import { holderOf } from './addresses.ts'
import type { ApiInfo } from './api.ts'
import type { Container } from './container.ts'
import type { Traces } from './own-container.ts'
import { LastingError } from './refusal.ts'

export type Identity = Omit<Self, 'advertise'>

type Containers = ReadonlyMap<string, Container>

export function engineOf({ ID, Name }: ApiInfo, fallbackName: string): string {
  return ID || Name || fallbackName
}

/**
 * In a Swarm a node goes by its id there, else by its engine's. A Swarm that is still starting is waited for: the id
 * should change no more often than the node joins or leaves one.
 */
export function identityOf(
  info: ApiInfo,
  own: Container | undefined,
  engine: string,
  fallbackName: string,
): Identity {
  const { Swarm: swarm = {} } = info
  const inSwarm = (swarm.LocalNodeState ?? 'inactive') !== 'inactive'
  const hostname = info.Name || fallbackName
  const node = inSwarm ? swarm.NodeID || own?.labels['com.docker.swarm.node.id'] : engine
  if (!node)
    throw new ProxyError('not_ready', `Docker does not tell its node’s id (Swarm: ${swarm.LocalNodeState})`, {
      hint: 'see what `docker info` says of Swarm on this node; a locked Swarm wants `docker swarm unlock`',
    })
  const service = own?.labels['com.docker.swarm.service.name']
  return {
    node,
    hostname,
    swarm: inSwarm,
    manager: swarm.ControlAvailable === true,
    ...(swarm.NodeAddr && { address: swarm.NodeAddr }),
    ...(own && { container: own.id }),
    ...(service && { service }),
  }
}

/** The managers of the node's Swarm by what its engine says, which learns of them from the managers themselves. */
export function managersOf({ Swarm: { RemoteManagers } = {} }: ApiInfo): ReadonlySet<NodeId> {
  return new Set((RemoteManagers ?? []).flatMap(({ NodeID }) => NodeID ?? []))
}

/** The agent's own container in a whole listing. Ids, but none listed: not the API of this node. */
export function ownAmong(
  containers: Containers,
  { ids, mayBeLent, isMounted }: Traces,
): Container | undefined {
  const own = ids.map((id) => containers.get(id)).find((one) => one !== undefined)
  if (own && mayBeLent) return atHome(own, containers, isMounted)
  if (own || ids.length === 0) return own
  throw new LastingError(
    'not_ready',
    'Docker’s API does not list the container in which this agent runs: it is another node’s',
    {
      hint: 'give each agent its own node’s API: mount /var/run/docker.sock, or let DOCKER_HOST name a socket proxy on the same node (in Swarm, share its unix socket through a volume: a service’s name may lead to any node)',
    },
  )
}

/**
 * Of `owner`, who lends its network, and those who use it: the one whose mounts are all seen here, the most of
 * them. Where that is so of several, the owner.
 */
function atHome(owner: Container, containers: Containers, isMounted: Traces['isMounted']): Container {
  const guests = [...containers.values()].filter(
    (one) => one !== owner && one.state === 'running' && holderOf(one, containers) === owner,
  )
  const [first = owner, ...others] = [owner, ...guests].filter(({ mounts }) => mounts.every(isMounted))
  return others.reduce((best, one) => (one.mounts.length > best.mounts.length ? one : best), first)
}
