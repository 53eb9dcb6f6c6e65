// Where the peers are: in Swarm's DNS under the name of the own service, or listed in PEERS.

import { lookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { type Clock, deadline } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import { parseAddress } from './sockets.ts'
import { hostPort } from './ssh.ts'

/** All addresses of a name; none if there is no such name. Rejects where no server answers. */
export type LookUp = (name: string, signal: AbortSignal) => Promise<readonly string[]>

interface PeerNames {
  /** The full name of the own Swarm service. */
  readonly service: string | undefined
  readonly sshPort: number
  readonly peers: readonly string[]
}

/**
 * Finds the peers again at each call. A name that can't be looked up keeps its addresses; the first failure is
 * thrown only if nothing was ever found.
 */
export function createFinder(peerNames: () => PeerNames, lookUp: LookUp) {
  const known = new Map<string, readonly string[]>()

  async function resolve(host: string, signal: AbortSignal): Promise<readonly string[]> {
    if (isIP(host)) return [host]
    try {
      known.set(host, await lookUp(host, signal))
    } catch (error) {
      if (!known.has(host)) throw error
    }
    return known.get(host) ?? []
  }

  return async (signal: AbortSignal): Promise<readonly string[]> => {
    const found = await Promise.allSettled(
      hostsOf(peerNames()).map(async ({ host, port }) =>
        (await resolve(host, signal)).map((ip) => hostPort(ip, port)),
      ),
    )
    const addresses = found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
    const failure = found.find((one) => one.status === 'rejected')
    if (addresses.length === 0 && failure) throw failure.reason
    return [...new Set(addresses)].sort()
  }
}

function hostsOf({ service, sshPort, peers }: PeerNames) {
  const listed = peers.map(parseAddress)
  return service === undefined ? listed : [...listed, { host: `${tasksPrefix}${service}`, port: sshPort }]
}

/** Swarm's DNS has the addresses of all tasks of a service under its name with this prefix. */
const tasksPrefix = 'tasks.'
const lookUpTimeoutMs = 3000
const noSuchName = ['ENOTFOUND', 'ENODATA']

/** `servers`: other DNS servers than the system's, for tests. */
export function createLookUp(clock: Clock, servers?: readonly string[]): LookUp {
  return async (name, signal) => {
    using limit = deadline(clock, lookUpTimeoutMs, signal)
    try {
      limit.throwIfAborted()
      const answer = name.startsWith(tasksPrefix) ? lookUpByDns(name, limit, servers) : lookUpBySystem(name)
      return await Promise.race([answer, rejectAt(limit)])
    } catch (error) {
      const { code = 'no answer' } = error as NodeJS.ErrnoException
      if (noSuchName.includes(code)) return []
      throw new ProxyError('unreachable', `the name ${name} can’t be looked up (${code})`, { cause: error })
    }
  }
}

/** As other programs of the system resolve it, with the hosts file. */
async function lookUpBySystem(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address)
}

/** From the DNS server itself: the system's resolver cuts long answers. */
async function lookUpByDns(
  name: string,
  signal: AbortSignal,
  servers: readonly string[] | undefined,
): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 1000, tries: 3 })
  if (servers) resolver.setServers(servers)
  signal.addEventListener('abort', () => resolver.cancel(), { once: true })
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  const failure = answers.find(
    (answer) => answer.status === 'rejected' && !noSuchName.includes(answer.reason.code),
  )
  if (found.length === 0 && failure?.status === 'rejected') throw failure.reason
  return found
}

/** The system's look-up can't be cancelled: past the limit it is no longer waited for. */
function rejectAt(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
