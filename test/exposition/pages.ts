// Pages for tests, and how to read a body back as text.

import type { ShownFamily } from '../../src/exposition/families.ts'
import { contentTypeOf, type Exposition, type NegotiatedFormat } from '../../src/exposition/formats.ts'
import { inspect } from '../../src/exposition/inspect.ts'
import type { Format } from '../../src/model.ts'

/** As validation finds it. */
export function exposition<B extends Uint8Array>(format: Format, body: B): Exposition & { readonly body: B } {
  const found = inspect(body, contentTypeOf(format), { maxSeries: 1e6, maxLineBytes: 1e8 })
  return { format, body, ...(found.ok && found.hasUtf8Names && { hasUtf8Names: true }) }
}

export const textPage = (body: string) => exposition('text/0.0.4', Buffer.from(body))
export const quotedPage = (body: string) => exposition('text/1.0.0', Buffer.from(body))
export const openMetricsPage = (body: string) =>
  exposition('openmetrics/1.0.0', Buffer.from(`${body}# EOF\n`))

export const toText: NegotiatedFormat = { format: 'text/0.0.4', escaping: 'underscores' }
export const toQuotedText: NegotiatedFormat = { format: 'text/1.0.0', escaping: 'allow-utf-8' }
export const toOpenMetrics: NegotiatedFormat = { format: 'openmetrics/1.0.0', escaping: 'allow-utf-8' }

export const read = (body: Uint8Array) => Buffer.from(body).toString()
export const toProtobuf: NegotiatedFormat = { format: 'protobuf', escaping: 'allow-utf-8' }

/** How many series people are shown, histograms included. */
export const shownSize = (shown: readonly ShownFamily[]): number =>
  shown.reduce(
    (sum, { histograms, samples }) => histograms.reduce((all, { size }) => all + size, sum + samples.length),
    0,
  )
