// The node as Docker tells it at one moment. Read whole or not at all: any failed call fails the reading.

import type { NodeId } from '../model.ts'
import { agentTarget } from '../model.ts'
import { type GatewayBridge, isOnHost, type Surroundings } from './addresses.ts'
import type { ApiNetwork } from './api.ts'
import { type Container, containerOf } from './container.ts'
import type { Engine } from './engine.ts'
import type { Traces } from './own-container.ts'
import { engineOf, type Identity, identityOf, managersOf, ownAmong } from './self.ts'

export interface Picture extends Surroundings {
  readonly identity: Identity
  /** The engine's id as it was read first: some report another one at each call (Podman). */
  readonly engine: string
  /** Who may speak for the Swarm. */
  readonly managers: ReadonlySet<NodeId>
  /** The Swarm's id, while this node is one of its managers. */
  readonly cluster: string | undefined
}

export interface Reading {
  readonly engine: Engine
  /** Where the agent may run: see own-container.ts. */
  readonly traces: Traces
  readonly allowedLabels: readonly string[]
  /** What the node is called if Docker doesn't say it. */
  readonly fallbackName: string
}

export async function readAll(reading: Reading, signal: AbortSignal, before?: Picture): Promise<Picture> {
  const { traces, fallbackName } = reading
  const [info, containers] = await Promise.all([reading.engine.info(signal), readContainers(reading, signal)])
  const own = ownAmong(containers, traces)
  const engine = before?.engine ?? engineOf(info, fallbackName)
  const identity = identityOf(info, own, engine, fallbackName)
  return {
    identity,
    engine,
    managers: managersOf(info),
    cluster: identity.manager ? info.Swarm?.Cluster?.ID : undefined,
    own,
    containers,
    ...(await readNetworks(reading.engine, isOnHost({ own, containers }), signal)),
    nodeAddress: identity.address,
  }
}

/** The same picture with these containers looked at again: what a busy node's every event costs. */
export async function readSome(
  reading: Reading,
  before: Picture,
  ids: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Picture> {
  const seen = await readContainers(reading, signal, [...ids])
  const kept = [...before.containers].filter(([id]) => !ids.has(id))
  const containers = new Map([...kept, ...seen])
  const picture = { ...before, containers, own: before.own && (containers.get(before.own.id) ?? before.own) }
  const stale = isOnHost(picture) && isNewTo(before, [...seen.values()])
  return stale ? { ...picture, ...(await readNetworks(reading.engine, true, signal)) } : picture
}

/** Networks that weren't there at the last reading, or overlay networks, whose gateway addresses aren't in the list. */
function isNewTo({ drivers }: Picture, containers: readonly Container[]): boolean {
  const ids = containers.flatMap(({ attachments }) => attachments.map(({ networkId }) => networkId))
  return ids.some((id) => id !== '' && (drivers.get(id) ?? 'overlay') === 'overlay')
}

/** Docker's and Podman's are hexadecimal. What isn't even a word might be taken for a target of another kind. */
const isId = (id: string) => /^\w{1,128}$/.test(id) && id !== agentTarget

async function readContainers(
  { engine, allowedLabels }: Reading,
  signal: AbortSignal,
  ids?: readonly string[],
): Promise<Map<string, Container>> {
  const rows = await engine.containers(signal, ids)
  return new Map(
    rows
      // one that never ran is nobody's business yet; it is seen when it starts
      .filter(({ Id, State }) => isId(Id) && State !== 'created')
      .map((row) => [row.Id, containerOf(row, allowedLabels)]),
  )
}

/** The list of networks leaves out who is on them; only an agent on the host wants to know, of one. */
async function readNetworks(
  engine: Engine,
  onHost: boolean,
  signal: AbortSignal,
): Promise<Pick<Picture, 'drivers' | 'gatewayBridge'>> {
  const networks = await engine.networks(signal)
  const listed = networks.find(({ Name }) => Name === 'docker_gwbridge')
  const inspected = listed && onHost ? await engine.network(listed.Id, signal) : listed
  return {
    drivers: new Map(networks.map(({ Id, Driver }) => [Id, Driver ?? ''])),
    gatewayBridge: gatewayBridgeOf(inspected),
  }
}

function gatewayBridgeOf({ IPAM, Containers }: Partial<ApiNetwork> = {}): GatewayBridge {
  const host = IPAM?.Config?.find(({ Gateway }) => Gateway)?.Gateway
  const addresses = Object.entries(Containers ?? {}).flatMap(([id, { IPv4Address }]) =>
    IPv4Address ? [[id, IPv4Address.replace(/\/\d+$/, '')] as const] : [],
  )
  return { ...(host && { host }), addresses: new Map(addresses) }
}
