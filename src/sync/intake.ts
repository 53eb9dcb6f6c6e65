// What one peer tells of its own side, on its way into the store. Kept from link to link, so that after a short
// break only what has changed crosses the wire.

import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { NodeId, Snapshot } from '../model.ts'
import type { Digest, FailureMessage, HeldNumbers, ListingMessage, Message, PageMessage } from './messages.ts'
import type { PeerStore } from './needs.ts'
import { type Resting, restFull, restSteps, wake } from './resting.ts'

export interface Intake {
  /** What is held of the peer's epoch. */
  digest(epoch: string): Digest
  /** Takes what the peer says; the answer is what has to be said back. */
  take(epoch: string, message: Message): Message | undefined
  /** The store has let go of this target. */
  forget(id: string): void
}

/** One life of a target, as its owner numbers it. */
interface Life {
  readonly id: string
  /** The newest page; it is also what deltas build on. */
  rest?: Resting
}

interface Context {
  readonly node: NodeId
  readonly store: PeerStore
  readonly clock: Clock
  /** A page that follows the one before is visible, so long after its scrape. */
  readonly visible: (delay: number) => void
}

export function createIntake({ node, store, clock, visible }: Context): Intake {
  let present = ''
  const lives = new Map<number, Life>()
  const bornOf = new Map<string, number>()

  /** Numbers of another epoch mean nothing in this one. */
  function enter(epoch: string): void {
    if (epoch === present) return
    present = epoch
    lives.clear()
    bornOf.clear()
  }

  function forget(id: string): void {
    const born = bornOf.get(id)
    if (born !== undefined) lives.delete(born)
    bornOf.delete(id)
  }

  function list({ number, born, target, finding, endpoint, ended }: ListingMessage): void {
    if (target.node !== node)
      throw new ProxyError('protocol', 'a peer spoke of a container that is not its own')
    const { id } = target
    if (bornOf.get(id) !== born) forget(id)
    bornOf.set(id, born)
    if (!lives.has(born)) lives.set(born, { id })
    const { age = 0, ...end } = ended ?? { removed: false }
    store.say(node, present, {
      kind: 'listing',
      id,
      number,
      listing: {
        target,
        finding,
        ...(endpoint && { endpoint }),
        ...(ended && { ended: { ...end, at: clock.now() - age } }),
        born,
      },
    })
  }

  function show(born: number, number: number, snapshot: Snapshot): void {
    const life = lives.get(born)
    if (life) store.say(node, present, { kind: 'snapshot', id: life.id, number, snapshot })
  }

  function page(message: PageMessage): Message | undefined {
    const { born, number, took, age, format, size, series, remarks } = message
    const life = lives.get(born)
    if (!life || number <= (life.rest?.number ?? 0)) return undefined
    const rest = restOf(life.rest, message)
    if (!rest) return { kind: 'lacks', born }
    life.rest = rest
    const page = {
      format,
      size,
      series,
      remarks,
      get body() {
        return bodyOf(life, rest)
      },
    }
    show(born, number, { ok: true, at: clock.now() - age, took, page })
    if (message.base) visible(age)
    return undefined
  }

  function fail({ born, number, took, age, trouble }: FailureMessage): void {
    show(born, number, { ok: false, at: clock.now() - age, took, trouble })
  }

  return {
    digest(epoch) {
      enter(epoch)
      const held = [...store.held(node, epoch)].map(
        ({ born, directory, page }): HeldNumbers => [
          born,
          directory,
          page,
          lives.get(born)?.rest?.number ?? 0,
        ],
      )
      return { kind: 'digest', epoch, held }
    },
    take(epoch, message) {
      enter(epoch)
      switch (message.kind) {
        case 'listing':
          list(message)
          break
        case 'page':
          return page(message)
        case 'failure':
          fail(message)
          break
        case 'gone': {
          const life = lives.get(message.born)
          if (life) store.say(node, present, { kind: 'gone', id: life.id, born: message.born })
          break
        }
        case 'whole':
          store.whole(node, present)
          break
      }
      return undefined
    },
    forget,
  }
}

/** The page's text. If it can't be had, nothing can build on it: what comes next is asked for in full. */
function bodyOf(life: Life, rest: Resting): Uint8Array {
  try {
    return wake(rest)
  } catch (error) {
    if (life.rest === rest) delete life.rest
    throw error
  }
}

/** The new page at rest, or nothing if what was sent doesn't build on what is here. */
function restOf(
  known: Resting | undefined,
  { number, print, size, base, parts }: PageMessage,
): Resting | undefined {
  const version = { number, print, size }
  const [full] = parts
  if (!base) return full && parts.length === 1 ? restFull(version, full) : undefined
  if (known?.number !== base.number || known.print !== base.print) return undefined
  try {
    return restSteps(known, version, parts)
  } catch {
    return undefined
  }
}
