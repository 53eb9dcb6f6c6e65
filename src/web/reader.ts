// Reads containers' metrics, as fresh as the client's timeout allows. Each request that needs a refresh asks the owner for
// it; the owner's scraper makes concurrent ones share a scrape.

import { type Clock, lessMargin } from '../clock.ts'
import { type Failure, failureOf, isInternal, stoppedFailure } from '../errors.ts'
import {
  agentTarget,
  type Entry,
  type FormatKind,
  isProtobufStreamId,
  type NodeId,
  streamId,
  targetIdOf,
} from '../model.ts'
import { nodeNamesOf } from '../names/node-names.ts'
import type { Store } from '../store/store.ts'
import {
  decide,
  type FreshnessContext,
  isOwnerUnavailable,
  type OwnerLink,
  type Reading,
  serveCached,
  serveSnapshot,
} from './freshness.ts'

type ReaderStore = Pick<Store, 'entry' | 'nodes' | 'swarmState'>

interface ReaderDeps {
  readonly clock: Clock
  readonly store: ReaderStore
  readonly staleAfterMs: number
  maxAgeMsOf(entry: Entry): number | 'off'
  /**
   * Makes the owner scrape now, unless its snapshot is at most MAX_AGE old. Once it resolves, the result, also a failure,
   * is in the store. Rejects within the timeout if there is none, or the owner can't be asked.
   */
  refresh(entry: Entry, timeoutMs: number): Promise<void>
}

export interface Reader {
  /**
   * What the target answers to a request for this kind, within the timeout. One that is still being searched for metrics,
   * as after a start of its agent, is waited for.
   */
  read(entry: Entry, timeoutMs: number, kind?: FormatKind): Promise<Reading>
}

/** Further clients are refused. */
const maxWaiting = 5000
const searchPauseMs = 100

export function createReader(deps: ReaderDeps): Reader {
  const { clock, store, staleAfterMs } = deps
  let waiting = 0

  function contextOf({ owner }: Entry): FreshnessContext {
    return { now: clock.now(), staleAfterMs, owner: ownerLinkOf(owner, store) }
  }

  async function refreshed(entry: Entry, timeoutMs: number, isOwn: boolean): Promise<Reading> {
    const { id } = entry.target
    const failure = await deps.refresh(entry, timeoutMs).then(() => undefined, knownFailure)
    // this node may have got another id meanwhile, and a copy of its machine the former one
    const owner = isOwn ? store.nodes()[0]!.self.node : entry.owner
    const latest = store.entry(owner, id)
    const isUnavailable = failure && isOwnerUnavailable(failure.code)
    if (!latest && !store.entry(owner, targetIdOf(id)))
      return { failure: isUnavailable ? failure : stoppedFailure(undefined, true) }
    if (!failure) return serveSnapshot(latest ?? entry)
    return isUnavailable ? cached(latest ?? entry, failure) : { failure }
  }

  /** From the cache of this kind, or from the other kind's, unless a scrape of this kind failed. */
  function cached(entry: Entry, cause?: Failure): Reading {
    const { id } = entry.target
    const reading = serveCached(entry, contextOf(entry), cause)
    if ('result' in reading || entry.snapshot?.ok === false) return reading
    const other = store.entry(entry.owner, isProtobufStreamId(id) ? targetIdOf(id) : streamId(id, 'protobuf'))
    if (!other) return reading
    const otherReading = serveCached(other, contextOf(other), cause)
    return 'result' in otherReading || isProtobufStreamId(id) ? otherReading : reading
  }

  /** The agent's own metrics are text only. A stream that isn't open has no snapshot yet. */
  function entryOfKind(entry: Entry, kind: FormatKind): Entry {
    if (kind === 'text' || entry.target.id === agentTarget) return entry
    const id = streamId(entry.target.id, kind)
    const { snapshot, ...rest } = entry
    return store.entry(entry.owner, id) ?? { ...rest, target: { ...entry.target, id } }
  }

  async function readNow(target: Entry, timeoutMs: number, kind: FormatKind): Promise<Reading> {
    const entry = entryOfKind(target, kind)
    const context = contextOf(entry)
    if (context.owner.state === 'lost') return cached(entry)
    const decision = decide(entry, deps.maxAgeMsOf(entry), context)
    if (decision !== 'refresh') return decision
    if (waiting >= maxWaiting) return overloaded
    return await waitFor(refreshed(entry, timeoutMs, context.owner.state === 'self'))
  }

  async function waitFor<T>(work: Promise<T>): Promise<T> {
    waiting += 1
    try {
      return await work
    } finally {
      waiting -= 1
    }
  }

  return {
    async read(entry, timeoutMs, kind = 'text') {
      const deadline = clock.now() + timeoutMs
      let latest: Entry | undefined = entry
      for (;;) {
        const reading = await readNow(latest, deadline - clock.now(), kind)
        if (!isSearched(reading) || clock.now() + 2 * searchPauseMs > deadline) return reading
        if (waiting >= maxWaiting) return overloaded
        await waitFor(clock.sleep(searchPauseMs))
        latest = store.entry(entry.owner, entry.target.id)
        if (!latest) return reading
      }
    },
  }
}

const overloaded: Reading = { failure: { code: 'overloaded', reason: 'too many requests are waiting' } }

const isSearched = (reading: Reading) => 'failure' in reading && reading.failure.code === 'searching'

function ownerLinkOf(owner: NodeId, store: ReaderStore): OwnerLink {
  const nodes = store.nodes()
  const view = nodes.find(({ self }) => self.node === owner)
  const nodeName = nodeNamesOf(nodes, store.swarmState()?.value).nameOf(owner)
  return view ? { state: view.link, since: view.since, nodeName } : { state: 'lost', nodeName }
}

/** Throws what is a bug, to be logged where it is caught. */
function knownFailure(error: unknown): Failure {
  if (isInternal(error)) throw error
  return failureOf(error)
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
  return lessMargin(allowedMs)
}
