// A few lines of real pages: so small that a change in them is where it matters.

import { exporters } from './corpus.ts'
import type { Generated } from './generate.ts'
import type { Random } from './random.ts'

/** Makes pieces of all exporters' pages. */
export function createPieces(): (random: Random) => Generated {
  const pages = exporters().map(({ body, openMetrics }) => ({
    openMetrics,
    lines: body.toString('latin1').split(/(?<=\n)/),
  }))
  return (random) => {
    const { lines, openMetrics } = random.one(pages)
    const from = random.below(lines.length)
    const piece = lines.slice(from, from + 1 + random.below(12)).join('')
    const end = openMetrics && !piece.includes('# EOF') ? '# EOF\n' : ''
    return { openMetrics, body: Buffer.from(piece + end, 'latin1') }
  }
}
