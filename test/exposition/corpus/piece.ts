// A few lines of a page: small enough that a wound in it is where it matters.

import type { CorpusPage } from './corpus.ts'
import type { Random } from './random.ts'

export function pieceOf(
  { body, openMetrics }: Pick<CorpusPage, 'body' | 'openMetrics'>,
  random: Random,
): Buffer {
  const lines = body.toString('latin1').split(/(?<=\n)/)
  const from = random.below(lines.length)
  const piece = lines.slice(from, from + 1 + random.below(12)).join('')
  return Buffer.from(openMetrics && !piece.includes('# EOF') ? `${piece}# EOF\n` : piece, 'latin1')
}
