// How many bytes one kind of work may hold in memory at once: who needs more than is free waits, and is refused after
// a while.
//
// Fair in three ways. Small reservations never wait for large ones: a quarter is kept for them. With large ones, one
// owner (a container, a client) holds at most half, unless a single one is larger. And who has waited for a turn takes
// that of who has held bytes for the longest: hung work can't keep others out.

import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { Mono } from '../model.ts'

export interface ByteBudget {
  /**
   * Resolves once so many bytes are free. Rejects with `overloaded` if they are not within `timeoutMs`, if they never
   * can be, or if too many wait already.
   */
  reserve(request: ByteRequest): Promise<Reservation>
  /** Bytes that are reserved now. */
  heldBytes(): number
}

export interface ByteRequest {
  /** Who is to hold them: a container or a client. */
  readonly owner: string
  readonly bytes: number
  readonly timeoutMs: number
  /** Called when others have waited long enough: whoever holds the bytes has to release them now. */
  readonly giveUp: (error: ProxyError) => void
}

export interface Reservation {
  readonly bytes: number
  /** Takes more, if they are free at this moment. */
  extend(bytes: number): boolean
  /** May be called twice. */
  release(): void
}

interface Holder {
  readonly owner: string
  readonly giveUp: ByteRequest['giveUp']
  readonly since: Mono
  bytes: number
  /** It has been asked to give way. */
  isLeaving: boolean
}

interface Waiter extends ByteRequest {
  readonly since: Mono
  readonly grant: () => void
}

/** What is larger than this part of all may use only `largePart` of it. */
const smallPart = 1 / 64
const largePart = 3 / 4
const ownerPart = 1 / 2
/** So long anybody may hold bytes, whoever waits. */
const turnMs = 1000
const maxWaiting = 2000

export function createByteBudget(clock: Clock, maxBytes: number): ByteBudget {
  const holders = new Set<Holder>()
  const waiting = new Set<Waiter>()
  let isTurnPlanned = false

  const isLarge = (bytes: number) => bytes > maxBytes * smallPart

  /** What they hold that fulfil this. */
  function sumOf(which: (holder: Holder) => boolean): number {
    let sum = 0
    for (const holder of holders) if (which(holder)) sum += holder.bytes
    return sum
  }

  /** Whether one may hold so many bytes beside what all others hold. */
  function fits(bytes: number, self?: Holder): boolean {
    const others = sumOf((holder) => holder !== self)
    if (others + bytes > maxBytes) return false
    return !isLarge(bytes) || isLargeFree(bytes, self)
  }

  function isLargeFree(bytes: number, self: Holder | undefined): boolean {
    const others = sumOf((holder) => holder !== self && isLarge(holder.bytes))
    return others + bytes <= maxBytes * largePart
  }

  /** Small ones have no share: many clients may come from one address. */
  function isWithinShare(owner: string, bytes: number): boolean {
    if (!isLarge(bytes)) return true
    const held = sumOf((holder) => holder.owner === owner && isLarge(holder.bytes))
    return held === 0 || held + bytes <= maxBytes * ownerPart
  }

  function hold({ owner, bytes, giveUp }: ByteRequest): Reservation {
    const holder: Holder = { owner, giveUp, bytes, since: clock.now(), isLeaving: false }
    holders.add(holder)
    return {
      bytes,
      extend(more) {
        if (!holders.has(holder) || !fits(holder.bytes + more, holder)) return false
        holder.bytes += more
        return true
      },
      release() {
        if (holders.delete(holder)) admit()
      },
    }
  }

  /** In the order in which they came; where one waits for free bytes, none of its kind passes it. */
  function admit(): void {
    const blocked = new Set<boolean>()
    for (const waiter of waiting) {
      const { owner, bytes } = waiter
      if (blocked.has(isLarge(bytes)) || !isWithinShare(owner, bytes)) continue
      if (fits(bytes)) waiter.grant()
      else blocked.add(isLarge(bytes))
    }
    if (waiting.size === 0 || isTurnPlanned) return
    isTurnPlanned = true
    clock.after(turnMs / 4, takeTurns)
  }

  function makeLeave(holder: Holder): void {
    if (holder.isLeaving) return
    holder.isLeaving = true
    holder.giveUp(gaveWay())
  }

  /** For each that has waited for a turn, one of its kind gives way: who has held for the longest. */
  function takeTurns(): void {
    isTurnPlanned = false
    for (const kind of [true, false]) {
      const isDue = ({ bytes, since }: { readonly bytes: number; readonly since: Mono }) =>
        isLarge(bytes) === kind && clock.now() - since >= turnMs
      const wanted = [...waiting].filter(isDue).length
      for (const holder of [...holders].filter(isDue).slice(0, wanted)) makeLeave(holder)
    }
    admit()
  }

  return {
    reserve(request) {
      const { owner, bytes, timeoutMs } = request
      if (isLarge(bytes) && bytes > maxBytes * largePart)
        return Promise.reject(
          new ProxyError(
            'overloaded',
            `needs ${inMib(bytes)} of memory, more than there is for all at once`,
            hint,
          ),
        )
      const isFirst = ![...waiting].some((waiter) => isLarge(waiter.bytes) === isLarge(bytes))
      if (isFirst && isWithinShare(owner, bytes) && fits(bytes)) return Promise.resolve(hold(request))
      if (waiting.size >= maxWaiting)
        return Promise.reject(new ProxyError('overloaded', 'too many wait for memory'))
      return new Promise((resolve, reject) => {
        const waiter: Waiter = {
          ...request,
          since: clock.now(),
          grant() {
            waiting.delete(waiter)
            cancel()
            resolve(hold(request))
          },
        }
        const cancel = clock.after(timeoutMs, () => {
          waiting.delete(waiter)
          reject(new ProxyError('overloaded', `no memory was free within ${Math.round(timeoutMs)} ms`, hint))
          admit()
        })
        waiting.add(waiter)
        admit()
      })
    },
    heldBytes: () => sumOf(() => true),
  }
}

const gaveWay = () => new ProxyError('overloaded', 'took too long while others waited for memory', hint)

const hint = { hint: 'raise the memory limit of the agent’s service, or let containers show less' }

const inMib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`
