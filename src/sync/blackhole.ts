// A network that lets small packets pass and swallows large ones, which no error tells: links come up, hold for a
// moment, and fall silent with the first page. Told by what arrived and what didn't, twice in a row.

import type { Trouble } from '../errors.ts'
import type { NodeId } from '../model.ts'

interface Lengths {
  /** Of the longest message that is known to have arrived. */
  readonly arrived: number
  /** Of the longest that isn't. */
  readonly pending: number
}

export interface BlackHoles {
  /** A link to the node fell silent. */
  fellSilent(node: NodeId, lengths: Lengths): void
  /** Looks at a link that has stood for so long; true if it has just shown that the network is well again. */
  isOver(node: NodeId, lengths: Lengths, held: number): boolean
  trouble(node: NodeId): Trouble | undefined
}

/** Messages of this length pass through any network that carries IP. */
const alwaysPasses = 400
/** Whatever a peer lacks is sent at once: a link that holds for so long has lost nothing, however short it was. */
const holdsWell = 10_000

export function createBlackHoles(): BlackHoles {
  const swallowed = new Map<NodeId, { readonly times: number; readonly length: number }>()

  const trouble = (node: NodeId) => ((swallowed.get(node)?.times ?? 0) < 2 ? undefined : blackHole)

  return {
    fellSilent(node, { arrived, pending }) {
      if (pending <= Math.max(arrived, alwaysPasses)) return
      const { times, length } = swallowed.get(node) ?? { times: 0, length: pending }
      swallowed.set(node, { times: times + 1, length: Math.min(length, pending) })
    },
    isOver(node, { arrived }, held) {
      const known = swallowed.get(node)
      if (!known || (arrived < known.length && held < holdsWell)) return false
      const wasNamed = trouble(node) !== undefined
      swallowed.delete(node)
      return wasNamed
    },
    trouble,
  }
}

const blackHole: Trouble = {
  code: 'timeout',
  reason: 'small messages pass and large ones do not: the network between the nodes swallows large packets',
  hint: 'lower the MTU of the overlay network (driver option com.docker.network.driver.mtu) below that of the links between the nodes, less 50 bytes, or 100 where it is encrypted',
}
