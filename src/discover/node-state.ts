// The node as Docker describes it at one moment. Read completely or not at all: any failed request fails the reading.

import { agentTarget, type NodeId, type Self } from '../model.ts'
import { type GatewayBridge, isOnHost, type NetworkContext } from './addresses.ts'
import { type Container, containerOf } from './container.ts'
import type { ApiInfo, ApiNetwork } from './docker-api.ts'
import { abortOnFailure, type Engine } from './engine.ts'
import { findOwnContainer, type ProcInfo } from './own-container.ts'
import { engineIdOf, managersOf, type NodeConfig, selfOf } from './self.ts'

export interface NodeState extends NetworkContext {
  readonly self: Self
  /** Who may send the Swarm's state. */
  readonly managers: ReadonlySet<NodeId>
  /** The Swarm's id, while this node is one of its managers. */
  readonly swarmId: string | undefined
  /** Read once: without Swarm it is the node's id. */
  readonly engineId: string
  readonly info: ApiInfo
}

export interface NodeSource {
  readonly engine: Engine
  readonly proc: ProcInfo
  readonly config: NodeConfig
}

/** What is known is not read again: an id must not change, and `/info` costs the engine more than its lists. */
export async function readNodeState(
  { engine, proc, config }: NodeSource,
  signal: AbortSignal,
  known: { readonly engineId?: string | undefined; readonly info?: ApiInfo } = {},
): Promise<NodeState> {
  const [info, containers, networks] = await abortOnFailure(signal, (each) =>
    Promise.all([
      known.info ?? engine.info(each),
      readContainers(engine, config, each),
      engine.networks(each),
    ]),
  )
  const ownContainer = findOwnContainer(containers, proc)
  const engineId = known.engineId ?? engineIdOf([info, await engine.info(signal)], config)
  const self = selfOf(info, ownContainer, engineId, config)
  return {
    self,
    managers: managersOf(info),
    swarmId: self.manager ? info.Swarm?.Cluster?.ID : undefined,
    engineId,
    info,
    ownContainer,
    containers,
    drivers: new Map(networks.map(({ Id, Driver }) => [Id, Driver ?? ''])),
    gatewayBridge: await readGatewayBridge(engine, networks, isOnHost({ ownContainer, containers }), signal),
    nodeAddress: self.address,
  }
}

/** Docker's and Podman's are hexadecimal. Anything but a word might be taken for a target of another kind. */
const isId = (id: string) => /^\w{1,128}$/.test(id) && id !== agentTarget

async function readContainers(
  engine: Engine,
  { sdLabels }: NodeConfig,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Container>> {
  const rows = await engine.containers(signal)
  return new Map(
    rows
      // one that never ran is no target yet; its start is an event
      .filter(({ Id, State }) => isId(Id) && State !== 'created')
      .map((row) => [row.Id, containerOf(row, sdLabels)]),
  )
}

/** The list of networks omits who is on them, which only an agent on the host needs, and of this one only. */
async function readGatewayBridge(
  engine: Engine,
  networks: readonly ApiNetwork[],
  onHost: boolean,
  signal: AbortSignal,
): Promise<GatewayBridge> {
  const listed = networks.find(({ Name }) => Name === 'docker_gwbridge')
  const { IPAM, Containers }: Partial<ApiNetwork> =
    (listed && onHost ? await engine.network(listed.Id, signal) : listed) ?? {}
  const host = IPAM?.Config?.find(({ Gateway }) => Gateway)?.Gateway
  const addresses = Object.entries(Containers ?? {}).flatMap(([id, { IPv4Address }]) =>
    IPv4Address ? [[id, IPv4Address.replace(/\/\d+$/, '')] as const] : [],
  )
  return { ...(host && { host }), addresses: new Map(addresses) }
}
