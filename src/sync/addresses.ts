// The addresses at which peers may be, and when each is to be dialled. Pure bookkeeping: it dials nothing.

import { createHash } from 'node:crypto'
import type { Trouble } from '../errors.ts'
import type { Mono, NodeId } from '../model.ts'

export interface Address {
  readonly address: string
  /** Who was last found there. */
  readonly node?: NodeId
  /** When it was last found to be ourselves. */
  readonly selfAt?: Mono
  readonly state: 'waiting' | 'dialling' | 'linked'
  /** Failures in a row, and when it may be tried again. */
  readonly failures: number
  readonly tryAt: Mono
  readonly trouble?: Trouble
}

export interface Addresses {
  /** The whole set, as found. What isn't in it any more is forgotten. Returns whether any of it is new. */
  replace(found: readonly string[]): boolean
  /** Those to dial now. */
  due(now: Mono, isLinked: (node: NodeId) => boolean): readonly string[]
  /** When the next of those that wait may be tried again. */
  nextTry(now: Mono): Mono
  dialling(address: string): void
  isSelf(address: string, now: Mono): void
  belongs(address: string, node: NodeId): void
  linked(address: string): void
  /** The link to this node is lost: where another agent of it may be is tried at once. */
  retry(node: NodeId, except: string): void
  /** A try or a link has ended; `held`: for how long it stood. */
  ended(address: string, now: Mono, held: number, trouble?: Trouble): void
  all(): Iterable<Address>
}

const leastPause = 250
const mostPause = 5000
/** A link that has stood so long was a success: the next failure is the first. */
const heldWell = 10_000
/** An address that was our own may become somebody else's. */
const selfAgain = 60_000
const mostAtOnce = 16

export function createAddresses(seed: string): Addresses {
  const known = new Map<string, Address>()

  function change(address: string, by: Partial<Address>): void {
    const before = known.get(address)
    if (before) known.set(address, { ...before, ...by })
  }

  function isDue(
    { state, node, selfAt, tryAt }: Address,
    now: Mono,
    isLinked: (node: NodeId) => boolean,
  ): boolean {
    if (state !== 'waiting' || now < tryAt) return false
    if (selfAt !== undefined) return now - selfAt >= selfAgain
    return node === undefined || !isLinked(node)
  }

  return {
    replace(found) {
      for (const [address, { state }] of known)
        if (!found.includes(address) && state === 'waiting') known.delete(address)
      const fresh = found.filter((address) => !known.has(address))
      for (const address of fresh) known.set(address, { address, state: 'waiting', failures: 0, tryAt: 0 })
      return fresh.length > 0
    },
    due(now, isLinked) {
      const all = [...known.values()]
      const free = mostAtOnce - all.filter(({ state }) => state === 'dialling').length
      return all
        .filter((one) => isDue(one, now, isLinked))
        .slice(0, Math.max(0, free))
        .map(({ address }) => address)
    },
    nextTry(now) {
      const times = [...known.values()].filter(({ state }) => state === 'waiting').map(({ tryAt }) => tryAt)
      return Math.min(...times.filter((tryAt) => tryAt > now))
    },
    dialling: (address) => change(address, { state: 'dialling' }),
    isSelf: (address, now) => change(address, { selfAt: now }),
    belongs(address, node) {
      const before = known.get(address)
      if (!before) return
      const { selfAt, ...rest } = before
      known.set(address, { ...rest, node })
    },
    linked: (address) => change(address, { state: 'linked' }),
    ended(address, now, held, trouble) {
      const before = known.get(address)
      if (!before) return
      const { trouble: _, ...rest } = before
      const failures = held >= heldWell || !trouble ? 0 : before.failures + 1
      const tryAt = now + pauseAfter(failures) * jitter(seed, address)
      known.set(address, { ...rest, state: 'waiting', failures, tryAt, ...(trouble && { trouble }) })
    },
    retry(node, except) {
      for (const [address, one] of known)
        if ((one.node ?? node) === node && address !== except) known.set(address, { ...one, tryAt: 0 })
    },
    all: () => known.values(),
  }
}

export function pauseAfter(failures: number): number {
  return failures === 0 ? 0 : Math.min(mostPause, leastPause * 2 ** (failures - 1))
}

/** From 0.75 to 1.25, always the same for the same pair: agents that fail together don't try again together. */
export function jitter(seed: string, address: string): number {
  const [byte = 0] = createHash('sha1').update(`${seed} ${address}`).digest()
  return 0.75 + byte / 510
}
