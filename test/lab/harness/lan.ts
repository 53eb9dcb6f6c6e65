// The wire between the nodes: a bridge in a namespace of its own, and one leg into the root namespace, from
// where the tests ask as a central Prometheus would. The root namespace reaches the nodes and nothing behind.

import { type Namespace, startNamespace } from './namespace.ts'
import { run } from './shell.ts'

export interface Lan {
  /** The address at which the nodes reach the machine that runs the tests. */
  readonly outside: string
  addressOf(place: number): string
  address6Of(place: number): string
  /** Gives a namespace its `eth0`. */
  attach(place: number, namespace: Namespace): Promise<void>
  /** Takes it away. */
  detach(place: number): Promise<void>
  /** Pulls the plug, or puts it in again. */
  plug(place: number, state: 'up' | 'down'): Promise<void>
  /** Drops larger packets to and from this place, without a word to anyone. */
  limit(place: number, bytes: number): Promise<void>
  stop(): Promise<void>
}

const outsidePlace = 254

export async function startLan(): Promise<Lan> {
  const switchboard = await startNamespace({ hostname: 'lan' })
  const ip = (...args: string[]) => run('nsenter', [`--net=/proc/${switchboard.pid}/ns/net`, 'ip', ...args])
  await ip('link', 'add', 'lan0', 'type', 'bridge')
  await ip('link', 'set', 'lan0', 'up')
  const number = await claimNumber(switchboard.pid)
  const addressOf = (place: number) => `198.18.${number}.${place}`
  const address6Of = (place: number) => `fd77:${number.toString(16)}::${place.toString(16)}`
  await ip('link', 'set', 'out', 'master', 'lan0', 'up')
  const leg = legName(number)
  await run('ip', ['address', 'add', `${addressOf(outsidePlace)}/24`, 'dev', leg])
  await run('ip', ['address', 'add', `${address6Of(outsidePlace)}/64`, 'dev', leg, 'nodad'])
  await run('ip', ['link', 'set', leg, 'up'])

  return {
    outside: addressOf(outsidePlace),
    addressOf,
    address6Of,
    async attach(place, namespace) {
      const [port, pid] = [portName(place), String(namespace.pid)]
      await ip('link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid)
      await ip('link', 'set', port, 'master', 'lan0', 'up')
      const mac = `02:00:00:00:${hex(number)}:${hex(place)}`
      // One packet at a time, as on a wire: a limit on its size then means what it says.
      await namespace.run('ip', ['link', 'set', 'eth0', 'address', mac, 'gso_max_segs', '1', 'up'])
      await namespace.run('ip', ['address', 'add', `${addressOf(place)}/24`, 'dev', 'eth0'])
      await namespace.run('ip', ['address', 'add', `${address6Of(place)}/64`, 'dev', 'eth0', 'nodad'])
    },
    async detach(place) {
      // It may be gone already: the kernel takes it away some time after the namespace's end.
      await ip('link', 'delete', portName(place)).catch(() => {})
    },
    async plug(place, state) {
      await ip('link', 'set', portName(place), state)
    },
    async limit(place, bytes) {
      await ip('link', 'set', portName(place), 'mtu', String(bytes))
    },
    stop: () => switchboard.stop(),
  }
}

const portName = (place: number) => `port${place}`
const legName = (number: number) => `amplab${number}`
const hex = (number: number) => number.toString(16).padStart(2, '0')

/**
 * Many labs run on one machine, each with a number of its own in 198.18.0.0/16. The interface in the root
 * namespace is the claim: the kernel gives each name once, and takes it back when the lab's namespace goes.
 */
async function claimNumber(pid: number): Promise<number> {
  for (let tried = 0; tried < 256; tried += 1) {
    const number = (process.pid + tried) % 256
    const leg = ['link', 'add', legName(number), 'type', 'veth', 'peer', 'name', 'out', 'netns', String(pid)]
    try {
      await run('ip', leg)
      return number
    } catch (error) {
      if (!/File exists/.test(String(error))) throw error
    }
  }
  throw new Error('256 labs run on this machine already')
}
