// How much memory the pages of all peers take, and whether another one has room. Those that are here stay: new ones leave
// them room to grow, and large ones take half of it at most, so that a few never keep many small ones out.

import type { Failure } from '../errors.ts'
import { heldBytes, type MetricsPage } from '../model.ts'

interface PageBudget {
  replace(before: readonly MetricsPage[], after: readonly MetricsPage[]): void
  /** Whether the page has room in place of those. */
  hasRoom(page: MetricsPage, before: readonly MetricsPage[]): boolean
}

const largeBytes = 2 ** 20
const largeShare = 1 / 2
const newShare = 7 / 8

export function createPageBudget(maxBytes: number): PageBudget {
  let total = { bytes: 0, bytesOfLarge: 0 }

  /** The total with other pages in place of those. */
  function totalWith(before: readonly MetricsPage[], after: readonly MetricsPage[]): typeof total {
    let { bytes, bytesOfLarge } = total
    for (const [pages, sign] of [[before, -1] as const, [after, 1] as const])
      for (const page of pages) {
        const held = heldBytes(page)
        bytes += sign * held
        if (held > largeBytes) bytesOfLarge += sign * held
      }
    return { bytes, bytesOfLarge }
  }

  return {
    replace(before, after) {
      total = totalWith(before, after)
    },
    hasRoom(page, before) {
      const { bytes, bytesOfLarge } = totalWith(before, [page])
      const share = before.length > 0 ? 1 : newShare
      return (
        bytes <= maxBytes * share && (heldBytes(page) <= largeBytes || bytesOfLarge <= maxBytes * largeShare)
      )
    },
  }
}

export const noRoom: Failure = {
  code: 'overloaded',
  reason: 'the metrics of other nodes’ containers together take too much memory on this node',
  hint: 'raise the memory limit of the agents’ service; until then request them from the agent on the container’s own node',
}
