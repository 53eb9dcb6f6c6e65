// Dials the addresses at which peers may be.
//
// States of an address: waiting -> dialling -> linked -> waiting. It waits after a failure, for longer with each in a
// row, and as long as there is a link to its node through another address. One that is no longer found is forgotten
// once it waits.

import type { Clock } from '../clock.ts'
import { type Failure, failureOf } from '../errors.ts'
import type { ChangeLog } from '../logging/change-log.ts'
import type { Log } from '../logging/log.ts'
import type { Mono, NodeId } from '../model.ts'
import type { Channel } from './channel.ts'
import { establishedMs } from './link.ts'

export interface Dialler {
  /** Replaces the set of addresses, as found. */
  setAddresses(found: readonly string[]): void
  /** Dials those that are due. */
  dialDue(): void
  /** What the hello of the agent there said: it is this agent itself, or another node's. */
  isSelf(address: string): void
  belongs(address: string, node: NodeId): void
  /** There is a link to this address in use: an earlier failure of it is over. */
  isUsed(address: string): void
  /** A dialled link has ended after so long. Without a failure: nothing is wrong. */
  ended(address: string, durationMs: number, failure?: Failure): void
  /** The link to this node is lost: its other addresses are dialled now, and those whose node is not known. */
  retry(node: NodeId, except: string): void
  /** Logs the failure of an address once, until it is another one. */
  warn(address: string, failure: Failure): void
  addresses(): Iterable<Readonly<PeerAddress>>
}

export interface PeerAddress {
  readonly address: string
  state: 'waiting' | 'dialling' | 'linked'
  /** Whose it was found to be last. */
  node?: NodeId
  /** When it was last found to be this agent's own. */
  selfAt?: Mono
  /** Failures in a row, and when it may be dialled again. */
  failures: number
  dialAt: Mono
  failure: Failure | undefined
  /** The reason that was last logged. */
  logged?: string
}

interface DiallerDeps {
  readonly clock: Clock
  readonly log: Log
  readonly changes: ChangeLog
  /** Aborts when sync stops. */
  readonly stopping: AbortSignal
  readonly dial: (address: string, signal: AbortSignal) => Promise<Channel>
  readonly hasLink: (node: NodeId) => boolean
  readonly on: (channel: Channel) => void
}

/**
 * Everything is to be live again 5 s after a network is, also where a silent link has to be closed first, which takes up
 * to 3 s. A tick follows each pause.
 */
const [minPauseMs, maxPauseMs] = [250, 1000]
/** An address that was this agent's own may become another's. */
const redialSelfMs = 60_000
/** So many that addresses of hosts that are gone hold up no others. */
const maxDials = 128
/** Agents that start together don't find each other at once: until then a missing one is not worth a line. */
const startupMs = 10_000

export function createDialler({ clock, log, changes, stopping, dial, hasLink, on }: DiallerDeps): Dialler {
  const startedAt = clock.now()
  const addresses = new Map<string, PeerAddress>()

  function isDue({ state, node, selfAt, dialAt }: PeerAddress, now: Mono): boolean {
    if (state !== 'waiting' || now < dialAt) return false
    if (selfAt !== undefined) return now - selfAt >= redialSelfMs
    return node === undefined || !hasLink(node)
  }

  function dialDue(): void {
    if (stopping.aborted) return
    const all = [...addresses.values()]
    const free = maxDials - all.filter(({ state }) => state === 'dialling').length
    for (const one of all.filter((one) => isDue(one, clock.now())).slice(0, Math.max(0, free))) void call(one)
  }

  async function call(one: PeerAddress): Promise<void> {
    one.state = 'dialling'
    try {
      const channel = await dial(one.address, stopping)
      one.state = 'linked'
      on(channel)
    } catch (error) {
      const failure = failureOf(error)
      warn(one.address, failure)
      ended(one.address, 0, failure)
    }
    dialDue()
  }

  function ended(address: string, durationMs: number, failure?: Failure): void {
    const one = addresses.get(address)
    if (!one) return
    const failures = durationMs >= establishedMs || !failure ? 0 : one.failures + 1
    const dialAt = clock.now() + pauseAfter(failures)
    Object.assign(one, { state: 'waiting', failures, dialAt, failure })
  }

  function warn(address: string, { code, reason, hint }: Failure): void {
    const one = addresses.get(address)
    if (!one || one.logged === reason || stopping.aborted) return
    if (code === 'unreachable' && clock.now() - startedAt < startupMs) return
    one.logged = reason
    changes.changed(one.node ?? address, (fields) =>
      log.warn({ address, reason, hint, ...fields }, 'no link to peer'),
    )
  }

  return {
    setAddresses(found) {
      const wanted = new Set(found)
      for (const [address, { state }] of addresses)
        if (!wanted.has(address) && state === 'waiting') addresses.delete(address)
      for (const address of wanted)
        if (!addresses.has(address))
          addresses.set(address, { address, state: 'waiting', failures: 0, dialAt: 0, failure: undefined })
      dialDue()
    },
    dialDue,
    isSelf(address) {
      const one = addresses.get(address)
      if (one) one.selfAt = clock.now()
    },
    belongs(address, node) {
      const one = addresses.get(address)
      if (!one) return
      one.node = node
      delete one.selfAt
    },
    isUsed(address) {
      const one = addresses.get(address)
      if (one) delete one.logged
    },
    ended,
    retry(node, except) {
      for (const one of addresses.values())
        if ((one.node ?? node) === node && one.address !== except) one.dialAt = 0
    },
    warn,
    addresses: () => addresses.values(),
  }
}

function pauseAfter(failures: number): number {
  return failures === 0 ? 0 : Math.min(maxPauseMs, minPauseMs * 2 ** (failures - 1))
}
