// How many bytes all scrapes under way may hold together. One container may send up to the cap of one
// page; a hundred that do so at once, a byte at a time, must not take the agent's memory.

import { ProxyError } from '../errors.ts'

export interface Budget {
  /** A share of the budget for one scrape; `giveUp` is called if it holds the most when the budget is spent. */
  open(giveUp: (error: ProxyError) => void): Share
}

export interface Share {
  take(bytes: number): void
  close(): void
}

export function createBudget(most: number): Budget {
  const shares = new Set<{ held: number; giveUp: (error: ProxyError) => void }>()
  let held = 0

  function largest() {
    let found: { held: number; giveUp: (error: ProxyError) => void } | undefined
    for (const share of shares) if (!found || share.held > found.held) found = share
    return found
  }

  return {
    open(giveUp) {
      const share = { held: 0, giveUp }
      shares.add(share)
      return {
        take(bytes) {
          share.held += bytes
          held += bytes
          if (held > most) largest()?.giveUp(new ProxyError('overloaded', 'too many large pages at once'))
        },
        close() {
          if (shares.delete(share)) held -= share.held
        },
      }
    },
  }
}
