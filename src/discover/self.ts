// Who this agent is: its node, as Docker describes it, and the address under which Prometheus reaches it.

import { isIP, isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import type { Config } from '../config/config.ts'
import { ProxyError } from '../errors.ts'
import type { NodeId, Self } from '../model.ts'
import type { Container } from './container.ts'
import type { ApiInfo } from './docker-api.ts'

export type NodeConfig = Pick<Config, 'nodeName' | 'advertise' | 'listenPort' | 'sdLabels'>

/** Without Docker, or where Docker gives no name. */
export const nodeNameOf = ({ nodeName }: Pick<Config, 'nodeName'>): string => nodeName ?? hostname()

/** Podman reports another id at each request: such an engine is identified by its name, also after a restart. */
export function engineIdOf([first, second]: readonly [ApiInfo, ApiInfo], config: NodeConfig): string {
  const id = first.ID === second.ID ? first.ID : config.nodeName
  return id || first.Name || nodeNameOf(config)
}

/**
 * In a Swarm the node's id there, else the engine's. Rejected while a Swarm is still starting: the id must change
 * only when the node joins or leaves one.
 */
export function selfOf(
  info: ApiInfo,
  own: Container | undefined,
  engineId: string,
  config: NodeConfig,
): Self {
  const { Swarm: swarm = {} } = info
  const isInSwarm = (swarm.LocalNodeState ?? 'inactive') !== 'inactive'
  const node = isInSwarm ? swarm.NodeID || own?.labels['com.docker.swarm.node.id'] : engineId
  if (!node)
    throw new ProxyError('not_ready', `Docker does not give its node’s id (Swarm: ${swarm.LocalNodeState})`, {
      hint: 'see Swarm in the output of `docker info` on this node; a locked Swarm needs `docker swarm unlock`',
    })
  const service = own?.labels['com.docker.swarm.service.name']
  const named = {
    hostname: info.Name || nodeNameOf(config),
    ...(swarm.NodeAddr && { address: swarm.NodeAddr }),
  }
  return {
    ...named,
    node,
    swarm: isInSwarm,
    manager: swarm.ControlAvailable === true,
    advertise: advertisedBy(config, named),
    ...(own && { container: own.id }),
    ...(service && { service }),
  }
}

/** The managers of the node's Swarm, as the engine knows them from the managers themselves. */
export function managersOf({ Swarm: { RemoteManagers } = {} }: ApiInfo): ReadonlySet<NodeId> {
  return new Set((RemoteManagers ?? []).flatMap(({ NodeID }) => NodeID ?? []))
}

/** `ADVERTISE`, or else what the node is known by. */
export function advertisedBy(
  config: Pick<Config, 'advertise' | 'listenPort'>,
  node: Pick<Self, 'hostname' | 'address'>,
): string {
  const host = node.address ?? node.hostname
  return config.advertise ?? `${isIPv6(host) ? `[${host}]` : host}:${config.listenPort}`
}

/** Why Prometheus can hardly reach this address from another machine, if so. */
export function doubtsAbout(advertise: string): string | undefined {
  const host = advertise.slice(0, advertise.lastIndexOf(':')).replaceAll(/[[\]]/g, '').toLowerCase()
  if (host === 'localhost' || /^127\./.test(host) || host === '::1')
    return 'it means the machine itself, wherever it is used'
  if (host === '0.0.0.0' || host === '::') return 'it is no address of a machine'
  if (/^169\.254\./.test(host) || /^fe[89ab][0-9a-f]:/.test(host)) return 'it is valid on one link only'
  if (/^172\.(17|18)\./.test(host)) return 'it looks like an address inside Docker'
  if (isIP(host) === 0 && /^[0-9a-f]{12}$/.test(host)) return 'it looks like a container’s hostname'
  return undefined
}
