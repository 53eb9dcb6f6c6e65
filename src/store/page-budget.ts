// How much memory pages take together, and whether another one has room. Those that are here stay, and large ones take
// half of it at most, so that a few never keep many small ones out.

import { heldBytes, type MetricsPage } from '../model.ts'

interface PageBudget {
  replace(before: readonly MetricsPage[], after: readonly MetricsPage[]): void
  /** Whether a page of so many bytes has room in place of those. */
  hasRoom(bytes: number, before: readonly MetricsPage[]): boolean
}

const largeBytes = 2 ** 20
const largeShare = 1 / 2

/** `newShare`: the part of it up to which there is room for those of other targets. */
export function createPageBudget(maxBytes: number, newShare = 1): PageBudget {
  let [totalBytes, totalLargeBytes] = [0, 0]

  return {
    replace(before, after) {
      totalBytes += sumOf(after) - sumOf(before)
      totalLargeBytes += sumOf(after.filter(isLarge)) - sumOf(before.filter(isLarge))
    },
    hasRoom(bytes, before) {
      const share = before.length > 0 ? 1 : newShare
      if (totalBytes - sumOf(before) + bytes > maxBytes * share) return false
      return (
        bytes <= largeBytes ||
        totalLargeBytes - sumOf(before.filter(isLarge)) + bytes <= maxBytes * largeShare
      )
    },
  }
}

const sumOf = (pages: readonly MetricsPage[]) => pages.reduce((sum, page) => sum + heldBytes(page), 0)
const isLarge = (page: MetricsPage) => heldBytes(page) > largeBytes
