// How much memory metrics may take: a budget for each kind of work, and for what is kept.

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
