// How much memory metrics may take: a budget for each kind of work, and the sum of what this node's containers have
// in the store.

import { failureOf, ProxyError } from '../errors.ts'
import { type Change, heldBytes, type MetricsPage, type Snapshot } from '../model.ts'
import { createPageBudget } from '../store/page-budget.ts'

interface MemoryBudgets {
  /** Metrics being received from containers and unpacked. */
  readonly scrapeBytes: number
  /** Responses being made and sent to clients. */
  readonly responseBytes: number
  /** The newest metrics of this node's containers. */
  readonly storeBytes: number
  /** The metrics of other nodes' containers, packed. */
  readonly peerBytes: number
}

/** Shares of the memory limit. The rest is for the program and for garbage. */
const scrapeShare = 1 / 8
const responseShare = 1 / 5
const storeShare = 1 / 5
const peerShare = 1 / 3
/** Stands in for the limit where there is none, and bounds a larger one. */
const maxLimitBytes = 2 * 2 ** 30
/** Large pages may take a part of a budget only; two forms of the largest page must fit into it. */
const minPages = 3

export function memoryBudgets(limitBytes: number, maxBodyBytes: number): MemoryBudgets {
  const limit = Math.min(limitBytes, maxLimitBytes)
  const atLeast = (bytes: number) => Math.max(bytes, minPages * maxBodyBytes)
  return {
    scrapeBytes: atLeast(limit * scrapeShare),
    responseBytes: atLeast(limit * responseShare),
    storeBytes: atLeast(limit * storeShare),
    // a cluster may be larger than anything that one node does
    peerBytes: atLeast((Number.isFinite(limitBytes) ? limitBytes : limit) * peerShare),
  }
}

interface StoreMemory {
  /** Counts this page instead of the container's previous one. Throws if there is no room for it: that one stays counted. */
  reserve(id: string, page: MetricsPage): void
  /** The snapshot, or a failure if there is no room for its page. */
  capSnapshot(id: string, snapshot: Snapshot): Snapshot
  /** Takes every change of a target of this node: what isn't kept any more takes no memory. */
  changed(change: Change): void
}

/**
 * `hasSync`: the last page of a target that fails is kept, since the next delta for peers builds on it. `isListed`: what
 * isn't listed any more when its page comes is not kept, and nothing would be reported of it again.
 */
export function createStoreMemory(
  maxBytes: number,
  hasSync: boolean,
  isListed: (id: string) => boolean,
): StoreMemory {
  const budget = createPageBudget(maxBytes)
  /** Of each target the one that is counted. */
  const pages = new Map<string, readonly [MetricsPage]>()

  function reserve(id: string, page: MetricsPage): void {
    if (!isListed(id)) return
    const before = pages.get(id) ?? []
    if (!budget.hasRoom(heldBytes(page), before)) throw outOfMemory()
    budget.replace(before, [page])
    pages.set(id, [page])
  }

  function release(id: string): void {
    budget.replace(pages.get(id) ?? [], [])
    pages.delete(id)
  }

  return {
    reserve,
    capSnapshot(id, snapshot) {
      if (!snapshot.ok) return snapshot
      try {
        reserve(id, snapshot.page)
        return snapshot
      } catch (error) {
        const { at, durationMs } = snapshot
        return { ok: false, at, durationMs, failure: failureOf(error) }
      }
    },
    changed(change) {
      if (change.kind === 'deleted') release(change.id)
      else if (change.kind === 'entry' && change.entry.snapshot?.ok === false && !hasSync)
        release(change.entry.target.id)
    },
  }
}

function outOfMemory(): ProxyError {
  const hint = 'raise the memory limit of the agent’s service, or let containers show less or send gzip'
  return new ProxyError('overloaded', 'the metrics of this node’s containers together take too much memory', {
    hint,
  })
}
