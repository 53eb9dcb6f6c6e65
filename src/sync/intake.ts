// What one peer says of its own targets, on its way into the store. Kept from link to link, so that after a short
// break only what has changed crosses the wire.
//
// One record per target holds what is known of the peer's present epoch. Updates are applied to that record and the
// digest is made from it, so the peer is never told that something is held here that can't be used: what the store
// refuses or lets go of has no record.

import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { NodeId, Snapshot } from '../model.ts'
import type { Digest, FailureMessage, HeldNumbers, ListingMessage, Message, PageMessage } from './messages.ts'
import type { PeerStore, Saying } from './needs.ts'
import { type Resting, restFull, restSteps } from './resting.ts'

export interface Intake {
  /** What is held of this epoch, which is the peer's present one from now on. Numbers of another one mean nothing in it. */
  digest(epoch: string): Digest
  /** Takes what the peer says in its present epoch; the result is what has to be sent back. */
  take(epoch: string, message: Message): Message | undefined
  /** The number of the target's snapshot of that epoch; 0: there is none. */
  snapshotOf(epoch: string, id: string): number
  /** The store has let go of this target. */
  forget(id: string): void
}

/** One target from its first listing until it is withdrawn, with its owner's numbers. */
interface Held {
  readonly id: string
  directory: number
  snapshot: number
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
  let present: string | undefined
  /** By the number of the first listing. */
  const records = new Map<number, Held>()
  const bornOf = new Map<string, number>()

  function enter(epoch: string): void {
    if (epoch === present) return
    present = epoch
    records.clear()
    bornOf.clear()
  }

  function forget(id: string): void {
    const born = bornOf.get(id)
    if (born !== undefined) records.delete(born)
    bornOf.delete(id)
  }

  function say(epoch: string, saying: Saying): void {
    if (!store.say(node, epoch, saying)) forget(saying.id)
  }

  function recordOf(id: string, born: number): Held {
    if (bornOf.get(id) !== born) forget(id)
    const record = records.get(born) ?? { id, directory: 0, snapshot: 0 }
    bornOf.set(id, born)
    records.set(born, record)
    return record
  }

  function list(epoch: string, { number, born, target, finding, endpoint, ended }: ListingMessage): void {
    if (target.node !== node)
      throw new ProxyError('protocol', 'a peer spoke of a container that is not its own')
    const { id } = target
    recordOf(id, born).directory = number
    const { age = 0, ...end } = ended ?? { removed: false }
    say(epoch, {
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

  function show(epoch: string, record: Held, number: number, snapshot: Snapshot): void {
    record.snapshot = Math.max(record.snapshot, number)
    say(epoch, { kind: 'snapshot', id: record.id, number, snapshot })
  }

  function page(epoch: string, message: PageMessage): Message | undefined {
    const { born, number, took, age, format, size, series, remarks } = message
    const record = records.get(born)
    if (!record || number <= (record.rest?.number ?? 0)) return undefined
    const rest = restOf(record.rest, message)
    if (!rest) return { kind: 'lacks', born }
    record.rest = rest
    const page = { format, size, series, remarks, content: rest.content }
    show(epoch, record, number, { ok: true, at: clock.now() - age, took, page })
    if (message.base) visible(age)
    return undefined
  }

  function fail(epoch: string, { born, number, took, age, trouble }: FailureMessage): void {
    const record = records.get(born)
    if (record) show(epoch, record, number, { ok: false, at: clock.now() - age, took, trouble })
  }

  return {
    digest(epoch) {
      enter(epoch)
      const held = [...records].map(
        ([born, { directory, snapshot, rest }]): HeldNumbers => [
          born,
          directory,
          snapshot,
          rest?.number ?? 0,
        ],
      )
      return { kind: 'digest', epoch, held }
    },
    take(epoch, message) {
      enter(epoch)
      switch (message.kind) {
        case 'listing':
          list(epoch, message)
          break
        case 'page':
          return page(epoch, message)
        case 'failure':
          fail(epoch, message)
          break
        case 'gone': {
          const record = records.get(message.born)
          if (record) say(epoch, { kind: 'gone', id: record.id, born: message.born })
          break
        }
        case 'whole':
          store.whole(node, epoch)
          break
      }
      return undefined
    },
    snapshotOf(epoch, id) {
      const born = epoch === present ? bornOf.get(id) : undefined
      return (born !== undefined && records.get(born)?.snapshot) || 0
    },
    forget,
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
