// Metrics in the format that a client accepts.

import { type Exposition, formatOf, type Offer } from './formats.ts'
import { merge } from './merge.ts'

/** The very same bytes where the client accepts those. */
export function convert(page: Exposition, to: Offer): Uint8Array {
  const given = formatOf(page.format)
  const isAccepted =
    isTakenAsItIs(page.format, to) ||
    (given.grammar === formatOf(to.format).grammar && !given.grammar.hasQuotedNames(page.body))
  return isAccepted ? page.body : merge([{ page }], to).body
}

/** Whether metrics of a format needn't be looked into for a client. */
export function isTakenAsItIs(format: Exposition['format'], to: Offer): boolean {
  const { grammar, canQuote } = formatOf(format)
  return grammar === formatOf(to.format).grammar && (to.escaping === 'allow-utf-8' || !canQuote)
}
