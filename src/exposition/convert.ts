// Metrics in the format that a client accepts.

import type { Grammar } from './format.ts'
import { type Exposition, formatOf, type NegotiatedFormat } from './formats.ts'
import { merge } from './merge.ts'

/** The very same bytes where the client accepts those. */
export function convert(page: Exposition, to: NegotiatedFormat): Uint8Array {
  const { grammar } = formatOf(page.format)
  const isAccepted =
    isSentUnchanged(page.format, to) ||
    (grammar === formatOf(to.format).grammar && !hasUtf8Names(grammar, page.body))
  return isAccepted ? page.body : merge([{ page }], to).body
}

function hasUtf8Names({ validate }: Grammar, body: Uint8Array): boolean {
  const found = validate(body, { maxSeries: Infinity, maxLineBytes: Infinity })
  return found.ok && found.hasUtf8Names
}

/** Whether metrics of a format needn't be looked into for a client. */
export function isSentUnchanged(format: Exposition['format'], to: NegotiatedFormat): boolean {
  const { grammar, allowsUtf8Names } = formatOf(format)
  return grammar === formatOf(to.format).grammar && (to.escaping === 'allow-utf-8' || !allowsUtf8Names)
}
