// Reads containers' pages as fresh as the client's deadline allows. Requests for the same thing share one scrape.

import type { Clock } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import { errorOf, ProxyError, troubleOf } from '../errors.ts'
import type { Entry, Mono, NodeId, Snapshot } from '../model.ts'
import { compoundKey } from '../names/compound-key.ts'
import type { Circumstances, Reading, Settled } from './freshness.ts'
import { isOwnersFailure, judge, shown, standIn } from './freshness.ts'
import type { Links } from './links.ts'

export interface ReaderDeps {
  readonly clock: Clock
  readonly staleAfterMs: number
  /** How long one scrape may take where nobody allows more. */
  readonly usualBudget: number
  entry(owner: NodeId, id: string): Entry | undefined
  readonly linkTo: Links['linkTo']
  maxAgeMsOf(entry: Entry): number | 'off'
  /**
   * Makes the owner scrape now. Once it resolves, what the scrape brought, a failure too, is in the store.
   * It rejects where the owner couldn't be asked.
   */
  refresh(entry: Entry, budget: number): Promise<void>
}

export interface Reader {
  /** At once where what is known is fresh enough. Throws or rejects with a `ProxyError`, within the budget. */
  read(entry: Entry, budget: number): Reading | Promise<Reading>
}

/** More clients than this are not kept waiting: they are told so. */
const mostWaiting = 5000

export function createReader(deps: ReaderDeps): Reader {
  const { clock, staleAfterMs } = deps
  const flights = new Map<string, Promise<Trouble | undefined>>()
  /** When the owner was asked for this snapshot, or for an older one. */
  const askedAt = new WeakMap<Snapshot, Mono>()
  let waiting = 0

  function circumstances({ owner, snapshot }: Entry, maxAgeMs: number | 'off'): Circumstances {
    const link = deps.linkTo(owner)
    const readSince = snapshot && (link.state === 'self' ? snapshot.at : askedAt.get(snapshot))
    return { now: clock.now(), maxAgeMs, staleAfterMs, link, readSince }
  }

  /** One scrape, for all who ask meanwhile. Resolves with what kept the owner from being asked, if anything did. */
  function launch(entry: Entry, budget: number): Promise<Trouble | undefined> {
    const key = keyOf(entry)
    const now = clock.now()
    const flight = deps
      // a short-tempered client must not make a slow container fail for the others
      .refresh(entry, Math.max(budget, deps.usualBudget))
      .then(() => {
        const snapshot = deps.entry(entry.owner, entry.target.id)?.snapshot
        if (snapshot) askedAt.set(snapshot, now)
        return undefined
      }, troubleOf)
      .finally(() => flights.delete(key))
    flights.set(key, flight)
    return flight
  }

  async function readNow(entry: Entry, budget: number): Promise<Reading> {
    const until = clock.now() + budget
    const joined = flights.get(keyOf(entry))
    const verdict = await landed(entry, joined ?? launch(entry, budget), budget)
    const remaining = until - clock.now()
    // the scrape that was joined may have had an earlier deadline than ours
    if (joined && isTimeout(verdict) && remaining > 0)
      return settled(await landed(entry, flights.get(keyOf(entry)) ?? launch(entry, remaining), remaining))
    return settled(verdict)
  }

  async function landed(
    entry: Entry,
    flight: Promise<Trouble | undefined>,
    budget: number,
  ): Promise<Settled> {
    const trouble = await within(flight, budget, clock)
    const { owner, target } = entry
    const latest = deps.entry(owner, target.id)
    if (!latest) return refuse({ code: 'stopped', reason: 'the container was removed' })
    if (!trouble) return shown(latest)
    if (!isOwnersFailure(trouble.code)) return refuse(trouble)
    return standIn(latest, circumstances(latest, 'off'), trouble)
  }

  const verdictOn = (entry: Entry) => judge(entry, circumstances(entry, deps.maxAgeMsOf(entry)))

  return {
    read(entry, budget) {
      const verdict = verdictOn(entry)
      if (verdict.kind !== 'refresh') return settled(verdict)
      if (waiting >= mostWaiting) throw new ProxyError('overloaded', 'too many requests are waiting')
      waiting += 1
      return readNow(entry, budget).finally(() => {
        waiting -= 1
      })
    },
  }
}

function settled(verdict: Settled): Reading {
  if (verdict.kind === 'show') return verdict.reading
  throw errorOf(verdict.trouble)
}

function refuse(trouble: Trouble): Settled {
  return { kind: 'refuse', trouble }
}

function isTimeout(verdict: Settled): boolean {
  return verdict.kind === 'refuse' && verdict.trouble.code === 'timeout'
}

/** What `flight` comes to, or that it took too long: it goes on for those who can wait longer. */
function within(
  flight: Promise<Trouble | undefined>,
  budget: number,
  clock: Clock,
): Promise<Trouble | undefined> {
  return new Promise((resolve) => {
    const reason = `no answer within ${(budget / 1000).toFixed(1)} s`
    const cancel = clock.after(budget, () => resolve({ code: 'timeout', reason }))
    flight.then((trouble) => {
      cancel()
      resolve(trouble)
    })
  })
}

function keyOf({ owner, target }: Entry): string {
  return compoundKey(owner, target.id)
}
