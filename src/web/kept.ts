// Merged pages, kept as long as their parts are the same and the memory for them lasts.

import type { Page } from '../model.ts'

/** One slot's page, or that it has none. */
export type Part = readonly [slot: string, page: Page | undefined]

interface Joined {
  readonly parts: readonly Part[]
  readonly page: Page
}

/** Merged pages may take this much memory. */
const mostBytes = 64 * 2 ** 20

export interface Kept {
  /** Gives the page that was made from the same parts, or makes it, after that before. The last asked for are kept. */
  pageOf(
    name: string,
    parts: readonly Part[],
    make: (before: Page | undefined) => Promise<Page>,
  ): Promise<Page>
  shed(): void
}

export function createKept(): Kept {
  const kept = new Map<string, Joined>()
  let bytes = 0

  function drop(name: string): void {
    bytes -= kept.get(name)?.page.size ?? 0
    kept.delete(name)
  }

  return {
    async pageOf(name, parts, make) {
      const before = kept.get(name)
      const page = before && sameParts(before.parts, parts) ? before.page : await make(before?.page)
      drop(name)
      kept.set(name, { parts, page })
      bytes += page.size
      for (const oldest of kept.keys()) {
        if (bytes <= mostBytes) break
        drop(oldest)
      }
      return page
    },
    shed() {
      kept.clear()
      bytes = 0
    },
  }
}

function sameParts(some: readonly Part[], others: readonly Part[]): boolean {
  return (
    some.length === others.length &&
    some.every(([slot, page], at) => slot === others[at]?.[0] && page === others[at]?.[1])
  )
}
