// Where the peers are: in Swarm's DNS under the name of the own service, or listed in PEERS.

import { lookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { type Clock, deadline } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import { parseAddress } from './sockets.ts'
import { hostPort } from './ssh.ts'

/** All addresses of a name; none if there is no such name. Rejects where nobody could be asked. */
export type LookUp = (name: string, signal: AbortSignal) => Promise<readonly string[]>

export interface Where {
  /** The full name of the own Swarm service. */
  readonly service: string | undefined
  readonly sshPort: number
  readonly peers: readonly string[]
}

/**
 * Finds the peers again at each call. A name that can't be looked up keeps what it had; the first failure is
 * thrown only if nothing was ever found.
 */
export function createFinder(where: () => Where, lookUp: LookUp) {
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
      placesOf(where()).map(async ({ host, port }) =>
        (await resolve(host, signal)).map((ip) => hostPort(ip, port)),
      ),
    )
    const addresses = found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
    const failure = found.find((one) => one.status === 'rejected')
    if (addresses.length === 0 && failure) throw failure.reason
    return [...new Set(addresses)].sort()
  }
}

function placesOf({ service, sshPort, peers }: Where) {
  const listed = peers.map(parseAddress)
  return service === undefined ? listed : [...listed, { host: tasksOf(service), port: sshPort }]
}

const tasks = 'tasks.'

/** Swarm's name for the addresses of all tasks of a service. */
function tasksOf(service: string): string {
  return `${tasks}${service}`
}

const answerWithin = 3000
const noSuchName = ['ENOTFOUND', 'ENODATA']

/** `servers`: other DNS servers than the system's, for tests. */
export function createLookUp(clock: Clock, servers?: readonly string[]): LookUp {
  return async (name, signal) => {
    using limit = deadline(clock, answerWithin, signal)
    try {
      limit.throwIfAborted()
      const answer = name.startsWith(tasks) ? askServer(name, limit, servers) : askSystem(name)
      return await Promise.race([answer, endOf(limit)])
    } catch (error) {
      const { code = 'no answer' } = error as NodeJS.ErrnoException
      if (noSuchName.includes(code)) return []
      throw new ProxyError('unreachable', `the name ${name} can’t be looked up (${code})`, { cause: error })
    }
  }
}

/** As every other program of the system would see it, the hosts file included. */
async function askSystem(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address)
}

/** Straight from the DNS server: the system's way cuts long answers. */
async function askServer(
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

/** The system's way can't be called off: past the limit it is only waited for no longer. */
function endOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
