// Whether the other agents are found, answer, and hold the same secret: tried by a real handshake with each.

import { systemClock } from '../../clock.ts'
import type { Config } from '../../config/config.ts'
import { createFinder, createLookUp } from '../../sync/find.ts'
import { deriveKeys, type Keys } from '../../sync/keys.ts'
import { dial } from '../../sync/sockets.ts'
import { createSsh, type Ssh } from '../../sync/ssh.ts'
import { failure, type Result } from './result.ts'

interface Where {
  readonly service: string | undefined
  readonly swarm: boolean
}

const what = 'peers'

export async function lookAtPeers(
  config: Config,
  where: Where,
  signal: AbortSignal,
): Promise<readonly Result[]> {
  const { secret, previousSecret, sshPort, peers } = config
  if (secret === undefined) return [withoutSecret(config, where)]
  try {
    const find = createFinder(() => ({ service: where.service, sshPort, peers }), createLookUp(systemClock))
    const addresses = await find(signal)
    if (addresses.length === 0) return [noneFound(where, peers)]
    const ssh = createSsh(await keysOf(secret, previousSecret))
    const tried = await Promise.all(addresses.map((address) => tryHandshake(address, ssh, signal)))
    return [{ status: 'ok', what, says: `found ${addresses.join(', ')}` }, ...tried]
  } catch (error) {
    return [failure(what, error)]
  }
}

function withoutSecret({ peers }: Config, { swarm }: Where): Result {
  if (!swarm && peers.length === 0)
    return { status: 'ok', what, says: 'none are looked for: no SSHPASS is set' }
  return {
    status: 'error',
    misconfigured: true,
    what,
    says: 'SSHPASS is not set: the agents of a cluster share one secret',
    hint: 'set SSHPASS_FILE to a Docker secret, as stack.yml does',
  }
}

function noneFound({ service }: Where, peers: readonly string[]): Result {
  if (service === undefined && peers.length === 0)
    return {
      status: 'warning',
      what,
      says: 'none are looked for: the agent runs in no Swarm service, and PEERS is empty',
      hint: 'deploy it as a service in mode global, or list the other agents in PEERS',
    }
  return {
    status: 'warning',
    what,
    says:
      service === undefined ? 'no name in PEERS has an address' : `the name tasks.${service} has no address`,
    hint: 'see whether the agent is on a network of its own service, and the names in PEERS are right',
  }
}

async function keysOf(secret: string, previous: string | undefined): Promise<[Keys, ...Keys[]]> {
  const present = await deriveKeys(secret)
  return previous === undefined ? [present] : [present, await deriveKeys(previous)]
}

async function tryHandshake(address: string, ssh: Ssh, signal: AbortSignal): Promise<Result> {
  try {
    const channel = await dial(address, ssh, systemClock, signal)
    channel.open({ data: () => {}, drained: () => {}, closed: () => {} })
    channel.close()
    return { status: 'ok', what, says: `${address} answers and holds the same secret` }
  } catch (error) {
    return { ...failure(what, error), says: `${address}: ${(error as Error).message}` }
  }
}
