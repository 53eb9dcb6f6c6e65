// How many bytes each kind of work may hold at once. All of it, with what the agent itself takes, fits into its limit.

export interface Bounds {
  /** Metrics that are being received from containers and unpacked. */
  readonly scrapeBytes: number
  /** Answers that are being made and sent to clients. */
  readonly answerBytes: number
  /** The newest metrics of this node's containers. */
  readonly heldBytes: number
}

/** Parts of the limit. What is left is for the program itself, for pages of other nodes, and for garbage. */
const scrapePart = 1 / 8
const answerPart = 1 / 5
const heldPart = 1 / 5
/** Without a limit it is as if this were it. */
const usualLimit = 2 * 2 ** 30
/** Two forms of the largest page fit into what large pages may take. */
const minPages = 3

export function boundsOf(limitBytes: number, maxBodyBytes: number): Bounds {
  const limit = Math.min(limitBytes, usualLimit)
  const atLeast = (bytes: number) => Math.max(bytes, minPages * maxBodyBytes)
  return {
    scrapeBytes: atLeast(limit * scrapePart),
    answerBytes: atLeast(limit * answerPart),
    heldBytes: atLeast(limit * heldPart),
  }
}
