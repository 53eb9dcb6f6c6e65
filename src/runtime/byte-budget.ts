// How many bytes one kind of work may have in memory at once. A request that exceeds what is free waits, and is refused
// after its timeout.
//
// Fair in four ways. Small requests never wait for large ones: a quarter is reserved for them. Of large ones, an owner
// (a container, a client) gets at most half, unless a single one is larger. And a request that has waited for a second
// gets the bytes of the oldest grant, if that is older than a second too: work that hangs can't block others.
// An owner that was refused goes first the next time, so that with too much work none is refused each time.
//
// States of a request: waiting, granted, released; or refused. A grant that is revoked lasts until it is released.

import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { Mono } from '../model.ts'

export interface ByteBudget {
  /**
   * Resolves once so many bytes are free. Rejects with `overloaded` if they are not within `timeoutMs`, if they never
   * can be, or if too many requests wait.
   */
  reserve(request: ByteRequest): Promise<Reservation>
  reservedBytes(): number
}

interface ByteRequest {
  /** A container or a client. */
  readonly owner: string
  readonly bytes: number
  readonly timeoutMs: number
  /** Called when another request has waited for too long: the reservation has to be released now. */
  readonly revoke: (error: ProxyError) => void
}

export interface Reservation {
  readonly bytes: number
  /** Reserves more, if they are free now. */
  extend(bytes: number): boolean
  /** May be called twice. */
  release(): void
}

interface Grant {
  readonly owner: string
  readonly revoke: ByteRequest['revoke']
  readonly since: Mono
  bytes: number
  isRevoked: boolean
}

interface WaitingRequest extends ByteRequest {
  readonly since: Mono
  /** The same, or since when its owner's first request waited that was refused. */
  readonly ownerSince: Mono
  readonly grant: () => void
}

/** Requests for more than this share of the budget are large: they may use only `largeShare` of it. */
const smallShare = 1 / 64
const largeShare = 3 / 4
const ownerShare = 1 / 2
/** How long a grant is safe, whatever waits. */
const minHoldMs = 1000
const maxWaiting = 2000

export function createByteBudget(clock: Clock, maxBytes: number): ByteBudget {
  const grants = new Set<Grant>()
  /** Those whose owners have waited longest first; of the same age in the order of arrival. */
  let waiting: readonly WaitingRequest[] = []
  /** Since when the owners have waited whose last request was refused. */
  const refused = new Map<string, Mono>()
  let isCheckScheduled = false

  const isLarge = (bytes: number) => bytes > maxBytes * smallShare

  function sumOf(isCounted: (grant: Grant) => boolean): number {
    let sum = 0
    for (const grant of grants) if (isCounted(grant)) sum += grant.bytes
    return sum
  }

  /** Whether `bytes` are free beside all grants other than `self`. */
  function fits(bytes: number, self?: Grant): boolean {
    if (sumOf((grant) => grant !== self) + bytes > maxBytes) return false
    if (!isLarge(bytes)) return true
    return sumOf((grant) => grant !== self && isLarge(grant.bytes)) + bytes <= maxBytes * largeShare
  }

  /** Small requests count for nobody: many clients may come from one address. */
  function isWithinShare(owner: string, bytes: number): boolean {
    if (!isLarge(bytes)) return true
    const ownerBytes = sumOf((grant) => grant.owner === owner && isLarge(grant.bytes))
    return ownerBytes === 0 || ownerBytes + bytes <= maxBytes * ownerShare
  }

  function grant({ owner, bytes, revoke }: ByteRequest): Reservation {
    const granted: Grant = { owner, revoke, bytes, since: clock.now(), isRevoked: false }
    grants.add(granted)
    refused.delete(owner)
    return {
      bytes,
      extend(more) {
        if (!grants.has(granted) || !fits(granted.bytes + more, granted)) return false
        granted.bytes += more
        return true
      },
      release() {
        if (grants.delete(granted)) grantWaiting()
      },
    }
  }

  function removeWaiting(request: WaitingRequest): void {
    waiting = waiting.filter((one) => one !== request)
  }

  function refuse({ owner, ownerSince }: WaitingRequest): void {
    refused.set(owner, ownerSince)
    const [oldest] = refused.keys()
    if (refused.size > maxWaiting && oldest !== undefined) refused.delete(oldest)
  }

  /** In this order: while one waits for free bytes, no other of its size class overtakes it. */
  function grantWaiting(): void {
    const blocked = new Set<boolean>()
    for (const request of waiting) {
      const { owner, bytes } = request
      if (blocked.has(isLarge(bytes)) || !isWithinShare(owner, bytes)) continue
      if (fits(bytes)) request.grant()
      else blocked.add(isLarge(bytes))
    }
    if (waiting.length === 0 || isCheckScheduled) return
    isCheckScheduled = true
    clock.after(minHoldMs / 4, revokeOverdue)
  }

  /** For each request that has waited for a turn, the oldest grant of its size class is revoked. */
  function revokeOverdue(): void {
    isCheckScheduled = false
    for (const sizeClass of [true, false]) {
      const isDue = ({ bytes, since }: { readonly bytes: number; readonly since: Mono }) =>
        isLarge(bytes) === sizeClass && clock.now() - since >= minHoldMs
      const wanted = waiting.filter(isDue).length
      for (const old of [...grants].filter(isDue).slice(0, wanted)) revokeOnce(old)
    }
    grantWaiting()
  }

  function revokeOnce(old: Grant): void {
    if (old.isRevoked) return
    old.isRevoked = true
    old.revoke(overloaded('took too long while others waited for memory'))
  }

  function wait(request: ByteRequest): Promise<Reservation> {
    const { timeoutMs } = request
    return new Promise((resolve, reject) => {
      const waitingRequest: WaitingRequest = {
        ...request,
        since: clock.now(),
        ownerSince: refused.get(request.owner) ?? clock.now(),
        grant() {
          removeWaiting(waitingRequest)
          cancel()
          resolve(grant(request))
        },
      }
      const cancel = clock.after(timeoutMs, () => {
        removeWaiting(waitingRequest)
        refuse(waitingRequest)
        reject(overloaded(`no memory was free within ${Math.round(timeoutMs)} ms`))
        grantWaiting()
      })
      waiting = [...waiting, waitingRequest].toSorted((a, b) => a.ownerSince - b.ownerSince)
      grantWaiting()
    })
  }

  return {
    async reserve(request) {
      const { owner, bytes } = request
      if (isLarge(bytes) && bytes > maxBytes * largeShare)
        throw overloaded(`needs ${mebibytes(bytes)} of memory, more than there is for all at once`)
      const isFirst = !waiting.some((other) => isLarge(other.bytes) === isLarge(bytes))
      if (isFirst && isWithinShare(owner, bytes) && fits(bytes)) return grant(request)
      if (waiting.length >= maxWaiting) throw new ProxyError('overloaded', 'too many wait for memory')
      return wait(request)
    },
    reservedBytes: () => sumOf(() => true),
  }
}

function overloaded(reason: string): ProxyError {
  return new ProxyError('overloaded', reason, {
    hint: 'raise the memory limit of the agent’s service, or let containers expose less',
  })
}

const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`
