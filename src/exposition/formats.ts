// The list of formats, and which of them a Content-Type, an Accept header or a merge comes to.

import { type Range, rangeOf, rangesOf } from '../http/negotiation.ts'
import type { Format, FormatKind, MetricsPage } from '../model.ts'
import { type Escaping, type ExpositionFormat, escapings } from './format.ts'
import { openMetrics001, openMetrics100 } from './openmetrics/format.ts'
import { protobuf } from './protobuf/format.ts'
import { text004, text100 } from './text/format.ts'

/** From the most to the least plain: a client that accepts several alike gets the first. */
const formats: readonly ExpositionFormat[] = [text004, text100, openMetrics100, openMetrics001, protobuf]
const byName = new Map(formats.map((format) => [format.name, format]))

export const kindOf = (name: Format): FormatKind => (name === 'protobuf' ? 'protobuf' : 'text')

/** What a body without a known Content-Type is read as, in this order. */
export const formatsToTry = formats.filter(
  ({ name, isDefault }) => isDefault.contentType && kindOf(name) === 'text',
)

/** Metrics as a container or an agent sends them. */
export interface Exposition extends Pick<MetricsPage, 'format' | 'hasUtf8Names'> {
  readonly body: Uint8Array
}

/** What a client accepts. */
export interface NegotiatedFormat {
  readonly format: Format
  readonly escaping: Escaping
}

export const formatOf = (name: Format): ExpositionFormat => byName.get(name)!

/** Whether a client gets these metrics as they are. */
export function isSentUnchanged(
  { format, hasUtf8Names }: Pick<MetricsPage, 'format' | 'hasUtf8Names'>,
  to: NegotiatedFormat,
): boolean {
  const isReadable = formatOf(format).grammar === formatOf(to.format).grammar
  return isReadable && (to.escaping === 'allow-utf-8' || !hasUtf8Names)
}

/** The format of the same grammar that can express names that need quotes. */
export const utf8VariantOf = (format: ExpositionFormat): ExpositionFormat =>
  formats.find(({ grammar, allowsUtf8Names }) => allowsUtf8Names && grammar === format.grammar) ?? format

/**
 * The format of all of them, or the plainest of their grammar, or else of all: a merge then changes no more than it must.
 * Where one is protobuf it is protobuf, so that no native histogram is lost.
 */
export function commonFormat(names: readonly Format[]): Format {
  const [first, ...others] = new Set(names)
  if (first && others.length === 0) return first
  if (names.includes('protobuf')) return 'protobuf'
  const common = formats.find(({ grammar }) => names.every((name) => formatOf(name).grammar === grammar))
  return (common ?? formats[0]!).name
}

/** Leaves the escaping out where it isn't known: Prometheus reads both kinds of names in either case. */
export function contentTypeOf(name: Format, escaping?: Escaping): string {
  const { mediaType, parameters, allowsUtf8Names } = formatOf(name)
  const all = {
    ...parameters,
    ...(kindOf(name) === 'text' ? { charset: 'utf-8' } : {}),
    ...(escaping && allowsUtf8Names ? { escaping } : {}),
  }
  return [mediaType, ...Object.entries(all).map(([key, value]) => `${key}=${value}`)].join('; ')
}

/** What a Content-Type names; undefined for nothing that Prometheus 3 would go by. */
export function announcedFormat(contentType: string | undefined): ExpositionFormat | undefined {
  const range = rangeOf(contentType ?? '')
  const versions = formats.filter(({ mediaType }) => mediaType === range.name)
  return versions.find((one) => isNamed(range, one)) ?? versions.find((one) => one.isDefault.contentType)
}

/**
 * What to send for an Accept header. `current` is the format that the metrics are in: it is used if the client accepts it
 * at all, so that a container's own bytes are sent, unless the client names formats of other grammars only. A client that
 * accepts none of ours gets text, as from every exporter.
 */
export function negotiate(accept: string | undefined, current?: Format): NegotiatedFormat {
  const ranges = rangesOf(accept ?? '*/*')
  const ranked = formats
    .map((format) => ({ format, range: bestOf(ranges, format) }))
    .filter(({ range }) => range !== undefined && range.quality > 0)
    .sort((a, b) => b.range!.quality - a.range!.quality)
  const named = ranked.filter(({ range }) => range!.name !== '*/*').map(({ format }) => format.grammar)
  const { format, range } = ranked.find(
    (one) => one.format.name === current && (named.length === 0 || named.includes(one.format.grammar)),
  ) ??
    ranked[0] ?? { format: text004, range: undefined }
  return { format: format.name, escaping: escapingOf(range, format) }
}

/** The most exact range that covers the format: the media type with its version, without, `text/*`, all. */
function bestOf(ranges: readonly Range[], format: ExpositionFormat): Range | undefined {
  return ranges
    .map((range) => ({ range, exactness: exactnessOf(range, format) }))
    .filter(({ exactness }) => exactness > 0)
    .sort((a, b) => b.exactness - a.exactness)[0]?.range
}

function exactnessOf(
  range: Range,
  { mediaType, parameters, isDefault, isForWildcards }: ExpositionFormat,
): number {
  const { name } = range
  if (name === mediaType) {
    if (isNamed(range, { parameters })) return 4
    return isDefault.accept && Object.keys(parameters).every((key) => !range.parameters.has(key)) ? 3 : 0
  }
  if (!isForWildcards) return 0
  if (name === `${mediaType.split('/')[0]}/*`) return 2
  return name === '*/*' ? 1 : 0
}

const isNamed = (range: Range, { parameters }: Pick<ExpositionFormat, 'parameters'>) =>
  Object.entries(parameters).every(([key, value]) => range.parameters.get(key) === value)

/** A client that doesn't mention escaping is treated as an older reader. */
function escapingOf(range: Range | undefined, { allowsUtf8Names }: ExpositionFormat): Escaping {
  const requested = escapings.find((one) => one === range?.parameters.get('escaping')) ?? 'underscores'
  return requested === 'allow-utf-8' && !allowsUtf8Names ? 'underscores' : requested
}
