// Pages for tests, and how to read a body back as text.

import type { ShownFamily } from '../../src/exposition/families.ts'
import type { NegotiatedFormat } from '../../src/exposition/formats.ts'

export const textPage = (body: string) => ({ format: 'text/0.0.4' as const, body: Buffer.from(body) })
export const quotedPage = (body: string) => ({ format: 'text/1.0.0' as const, body: Buffer.from(body) })
export const openMetricsPage = (body: string) => ({
  format: 'openmetrics/1.0.0' as const,
  body: Buffer.from(`${body}# EOF\n`),
})

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
