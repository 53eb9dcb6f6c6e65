// Whether the other agents are found, answer, and have the same secret: by a real handshake with each.

import { systemClock } from '../../clock.ts'
import type { Config } from '../../config/config.ts'
import { createFinder, createLookUp } from '../../sync/find-peers.ts'
import { deriveAccepted } from '../../sync/keys.ts'
import { dial } from '../../sync/sockets.ts'
import { createSsh, type Ssh } from '../../sync/ssh.ts'
import { type CheckResult, failedCheck, misconfigured, ok, warning } from './result.ts'

interface OwnService {
  readonly service: string | undefined
  readonly swarm: boolean
}

const subject = 'peers'

export async function checkPeers(
  config: Config,
  own: OwnService,
  signal: AbortSignal,
): Promise<readonly CheckResult[]> {
  const { secret, previousSecret, sshPort, peers } = config
  if (secret === undefined) return [withoutSecret(config, own)]
  try {
    const find = createFinder(() => ({ service: own.service, sshPort, peers }), createLookUp(systemClock))
    const addresses = await find(signal)
    if (addresses.length === 0) return [noneFound(own, peers)]
    const ssh = createSsh(await deriveAccepted({ secret, previousSecret }))
    const handshakes = await Promise.all(addresses.map((address) => tryHandshake(address, ssh, signal)))
    return [ok(subject, `found ${addresses.join(', ')}`), ...handshakes]
  } catch (error) {
    return [failedCheck(subject, error)]
  }
}

function withoutSecret({ peers }: Config, { swarm }: OwnService): CheckResult {
  if (!swarm && peers.length === 0) return ok(subject, 'not used: SSHPASS is not set')
  return misconfigured(
    subject,
    'SSHPASS is not set: the agents of a cluster share one secret',
    'set SSHPASS_FILE to a Docker secret, as stack.yml does',
  )
}

function noneFound({ service }: OwnService, peers: readonly string[]): CheckResult {
  if (service === undefined && peers.length === 0)
    return warning(
      subject,
      'not searched: the agent runs in no Swarm service, and PEERS is empty',
      'deploy it as a service in mode global, or list the other agents in PEERS',
    )
  return warning(
    subject,
    service === undefined ? 'no name in PEERS has an address' : `the name tasks.${service} has no address`,
    'check that the agent is on a network of its service, and that the names in PEERS are correct',
  )
}

async function tryHandshake(address: string, ssh: Ssh, signal: AbortSignal): Promise<CheckResult> {
  try {
    const channel = await dial(address, ssh, systemClock, signal)
    channel.open({ data: () => {}, drained: () => {}, closed: () => {} })
    channel.close()
    return ok(subject, `${address} answers and has the same secret`)
  } catch (error) {
    return { ...failedCheck(subject, error), text: `${address}: ${(error as Error).message}` }
  }
}
