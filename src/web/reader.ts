// Reads containers' metrics, as fresh as the client's timeout allows. Concurrent requests for one container share a
// scrape.

import type { Clock } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import { errorOf, ProxyError, troubleOf } from '../errors.ts'
import {
  agentTarget,
  type Entry,
  type FormatKind,
  isStreamId,
  type Mono,
  type NodeId,
  type NodeView,
  type Snapshot,
  type SwarmState,
  streamId,
  targetIdOf,
} from '../model.ts'
import { nodeNamesOf } from '../names/node-names.ts'
import { compoundKey } from '../names/resources.ts'
import {
  decide,
  type FinalDecision,
  type FreshnessContext,
  isOwnerUnavailable,
  type OwnerLink,
  type ReadResult,
  serveCached,
  serveSnapshot,
} from './freshness.ts'

export interface ReaderStore {
  entry(owner: NodeId, id: string): Entry | undefined
  /** Own node first. */
  nodes(): readonly NodeView[]
  swarmState(): { readonly value: SwarmState } | undefined
}

export interface ReaderDeps {
  readonly clock: Clock
  readonly store: ReaderStore
  readonly staleAfterMs: number
  readonly scrapeTimeoutMs: number
  maxAgeMsOf(entry: Entry): number | 'off'
  /**
   * Makes the owner scrape now, unless its snapshot is at most MAX_AGE old. Once it resolves, the result, also a failure,
   * is in the store; it resolves with how old that was when the owner was asked. It rejects if the owner can't be asked.
   */
  refresh(entry: Entry, timeoutMs: number): Promise<number>
}

export interface Reader {
  /** What the target answers to a request for this kind. Rejects with a `ProxyError`, within the timeout. */
  read(entry: Entry, timeoutMs: number, kind?: FormatKind): Promise<ReadResult>
}

/** Further clients are refused. */
const maxWaiting = 5000

export function createReader(deps: ReaderDeps): Reader {
  const { clock, store, staleAfterMs } = deps
  const defaultTimeoutMs = answerTimeoutMs(undefined, deps.scrapeTimeoutMs)
  /** Scrapes in progress. Each resolves with the reason if the owner could not be asked. */
  const scrapes = new Map<string, Promise<Trouble | undefined>>()
  /** When this snapshot, or an older one, was live: no later than when the owner was asked for it. */
  const liveAt = new WeakMap<Snapshot, Mono>()
  let waiting = 0

  function contextOf({ owner, snapshot }: Entry, maxAgeMs: number | 'off'): FreshnessContext {
    const link = ownerLinkOf(owner, store)
    const readSince = snapshot && (link.state === 'self' ? snapshot.at : liveAt.get(snapshot))
    return { now: clock.now(), maxAgeMs, staleAfterMs, owner: link, readSince }
  }

  function startScrape(entry: Entry, timeoutMs: number): Promise<Trouble | undefined> {
    const key = keyOf(entry)
    const now = clock.now()
    const scrape = deps
      // a client with a short timeout must not make a slow container fail for the others
      .refresh(entry, Math.max(timeoutMs, defaultTimeoutMs))
      .then((ageMs) => {
        const snapshot = store.entry(entry.owner, entry.target.id)?.snapshot
        if (snapshot) liveAt.set(snapshot, now - ageMs)
        return undefined
      }, troubleOf)
      .finally(() => scrapes.delete(key))
    scrapes.set(key, scrape)
    return scrape
  }

  async function refreshed(entry: Entry, timeoutMs: number): Promise<ReadResult> {
    const deadline = clock.now() + timeoutMs
    const shared = scrapes.get(keyOf(entry))
    const first = await outcomeOf(entry, shared ?? startScrape(entry, timeoutMs), timeoutMs)
    const leftMs = deadline - clock.now()
    // a shared scrape may have had an earlier deadline
    const isRetried = shared && first.kind === 'refuse' && first.trouble.code === 'timeout' && leftMs > 0
    if (!isRetried) return resultOf(first)
    return resultOf(await outcomeOf(entry, scrapes.get(keyOf(entry)) ?? startScrape(entry, leftMs), leftMs))
  }

  async function outcomeOf(
    entry: Entry,
    scrape: Promise<Trouble | undefined>,
    timeoutMs: number,
  ): Promise<FinalDecision> {
    const trouble = await within(scrape, timeoutMs, clock)
    const latest = store.entry(entry.owner, entry.target.id)
    if (!latest && !store.entry(entry.owner, targetIdOf(entry.target.id)))
      return refuse({ code: 'stopped', reason: 'the container was removed' })
    if (!trouble) return serveSnapshot(latest ?? entry)
    if (!isOwnerUnavailable(trouble.code)) return refuse(trouble)
    return cached(latest ?? entry, trouble)
  }

  /** From the cache of this kind, or from the other kind's, unless a scrape of this kind failed. */
  function cached(entry: Entry, why?: Trouble): FinalDecision {
    const { id } = entry.target
    const decision = serveCached(entry, contextOf(entry, 'off'), why)
    if (entry.snapshot?.ok === false) return decision
    const other = store.entry(entry.owner, isStreamId(id) ? targetIdOf(id) : streamId(id, 'protobuf'))
    if (decision.kind === 'serve' || !other) return decision
    const otherDecision = serveCached(other, contextOf(other, 'off'), why)
    return otherDecision.kind === 'serve' || isStreamId(id) ? otherDecision : decision
  }

  /** The agent's own metrics are text only. A stream that isn't open has no snapshot yet. */
  function streamOf(entry: Entry, kind: FormatKind): Entry {
    if (kind === 'text' || entry.target.id === agentTarget) return entry
    const id = streamId(entry.target.id, kind)
    const { snapshot, ...rest } = entry
    return store.entry(entry.owner, id) ?? { ...rest, target: { ...entry.target, id } }
  }

  return {
    async read(target, timeoutMs, kind = 'text') {
      const entry = streamOf(target, kind)
      const context = contextOf(entry, deps.maxAgeMsOf(entry))
      if (context.owner.state === 'lost') return resultOf(cached(entry))
      const decision = decide(entry, context)
      if (decision.kind !== 'refresh') return resultOf(decision)
      if (waiting >= maxWaiting) throw new ProxyError('overloaded', 'too many requests are waiting')
      waiting += 1
      try {
        return await refreshed(entry, timeoutMs)
      } finally {
        waiting -= 1
      }
    },
  }
}

function ownerLinkOf(owner: NodeId, store: ReaderStore): OwnerLink {
  const nodes = store.nodes()
  const view = nodes.find(({ self }) => self.node === owner)
  const nodeName = nodeNamesOf(nodes, store.swarmState()?.value).nameOf(owner)
  return view ? { state: view.link, since: view.since, nodeName } : { state: 'lost', nodeName }
}

function resultOf(decision: FinalDecision): ReadResult {
  if (decision.kind === 'serve') return decision.result
  throw errorOf(decision.trouble)
}

function refuse(trouble: Trouble): FinalDecision {
  return { kind: 'refuse', trouble }
}

/** After the timeout the scrape goes on, for clients that can wait longer. */
function within(
  scrape: Promise<Trouble | undefined>,
  timeoutMs: number,
  clock: Clock,
): Promise<Trouble | undefined> {
  return new Promise((resolve) => {
    const reason = `no answer within ${(timeoutMs / 1000).toFixed(1)} s`
    const cancel = clock.after(timeoutMs, () => resolve({ code: 'timeout', reason }))
    scrape.then((trouble) => {
      cancel()
      resolve(trouble)
    })
  })
}

function keyOf({ owner, target }: Entry): string {
  return compoundKey(owner, target.id)
}

const maxTimeoutMs = 300_000

/**
 * How long answering a request may take: the client's timeout (`X-Prometheus-Scrape-Timeout-Seconds`), or the default,
 * less a margin for the way back, so that a container that hangs is reported before the client gives up.
 */
export function answerTimeoutMs(header: string | string[] | undefined, defaultMs: number): number {
  const seconds = Number(header)
  const allowedMs =
    Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, maxTimeoutMs) : defaultMs
  const marginMs = Math.min(Math.max(allowedMs / 20, 50), 500, allowedMs / 2)
  return allowedMs - marginMs
}
