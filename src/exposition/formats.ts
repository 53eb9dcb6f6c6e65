// The four formats and their media types: what a container says it sends, what an asker says it takes.

import type { Format } from '../model.ts'
import { type Range, rangeOf, rangesOf } from '../negotiation.ts'

/** How names that need quotes are told to somebody who doesn't take quoted names. */
export const escapings = ['allow-utf-8', 'underscores', 'dots', 'values'] as const
export type Escaping = (typeof escapings)[number]

/** Metrics as text, in one of the formats. */
export interface Exposition {
  readonly format: Format
  readonly body: Uint8Array
}

/** What an asker takes. */
export interface Offer {
  readonly format: Format
  readonly escaping: Escaping
}

const mediaTypes: Readonly<Record<Format, { readonly type: string; readonly version: string }>> = {
  'text/0.0.4': { type: 'text/plain', version: '0.0.4' },
  'text/1.0.0': { type: 'text/plain', version: '1.0.0' },
  'openmetrics/0.0.1': { type: 'application/openmetrics-text', version: '0.0.1' },
  'openmetrics/1.0.0': { type: 'application/openmetrics-text', version: '1.0.0' },
}
const protobuf = 'application/vnd.google.protobuf'

export const isOpenMetrics = (format: Format) => format.startsWith('openmetrics/')
/** Only these have a way to say a name that needs quotes. */
export const canQuote = (format: Format) => format.endsWith('/1.0.0')

/** The format of the same grammar that has a way to say it. */
export const quotingOf = (format: Format): Format =>
  isOpenMetrics(format) ? 'openmetrics/1.0.0' : 'text/1.0.0'

/** Leaves the escaping out where it isn't known: Prometheus reads both kinds of names in either case. */
export function contentTypeOf(format: Format, escaping?: Escaping): string {
  const { type, version } = mediaTypes[format]
  const said = escaping && canQuote(format) ? `; escaping=${escaping}` : ''
  return `${type}; version=${version}; charset=utf-8${said}`
}

/** What a Content-Type says. `undefined`: nothing that Prometheus 3 would go by. */
export function formatOf(contentType: string | undefined): Format | 'protobuf' | undefined {
  const { name: type, parameters } = rangeOf(contentType ?? '')
  if (type === protobuf) return 'protobuf'
  if (type === 'text/plain') return parameters.get('version') === '1.0.0' ? 'text/1.0.0' : 'text/0.0.4'
  if (type === 'application/openmetrics-text')
    return parameters.get('version') === '0.0.1' ? 'openmetrics/0.0.1' : 'openmetrics/1.0.0'
  return undefined
}

/** From the most to the least plain, for askers that like all the same. */
const plainest: readonly Format[] = ['text/0.0.4', 'text/1.0.0', 'openmetrics/1.0.0', 'openmetrics/0.0.1']

/**
 * What to answer to an Accept header. `own` is the format that the page is in: it is kept if the asker takes
 * it at all, so that one container's page goes out as it came. Takes nothing of ours: text, as every exporter.
 */
export function negotiate(accept: string | undefined, own?: Format): Offer {
  const ranges = rangesOf(accept ?? '*/*')
  const ranked = plainest
    .map((format) => ({ format, range: bestOf(ranges, format) }))
    .filter(({ range }) => range !== undefined && range.quality > 0)
    .sort((a, b) => b.range!.quality - a.range!.quality)
  const { format, range } = ranked.find((one) => one.format === own) ??
    ranked[0] ?? { format: 'text/0.0.4' as const }
  return { format, escaping: escapingOf(range, format) }
}

/** The most exact range that covers the format: the media type with its version, without, `text/*`, all. */
function bestOf(ranges: readonly Range[], format: Format): Range | undefined {
  return ranges
    .map((range) => ({ range, exactness: exactnessOf(range, format) }))
    .filter(({ exactness }) => exactness > 0)
    .sort((a, b) => b.exactness - a.exactness)[0]?.range
}

function exactnessOf({ name: type, parameters }: Range, format: Format): number {
  const ours = mediaTypes[format]
  const version = parameters.get('version')
  if (type === ours.type) {
    if (version !== undefined) return version === ours.version ? 4 : 0
    // without a version the oldest is meant, as Prometheus' own libraries have it
    return format === 'text/0.0.4' || format === 'openmetrics/0.0.1' ? 3 : 0
  }
  if (type === `${ours.type.split('/')[0]}/*`) return 2
  return type === '*/*' ? 1 : 0
}

/** Who says nothing of escaping is taken for an older reader. */
function escapingOf(range: Range | undefined, format: Format): Escaping {
  const asked = escapings.find((one) => one === range?.parameters.get('escaping')) ?? 'underscores'
  return asked === 'allow-utf-8' && !canQuote(format) ? 'underscores' : asked
}
