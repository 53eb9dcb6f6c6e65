// OpenMetrics 0.0.1 and 1.0.0, which has names in quotes as well, as Prometheus reads it.

import type { Family, FamilyMetadata, MetricType, Sample } from '../family.ts'
import type { ExpositionFormat, Grammar } from '../format.ts'
import { counterName } from '../names.ts'
import { escaped, unescaped } from '../scan/escapes.ts'
import { millisecondsOf, secondsOf } from '../scan/number.ts'
import { parse, type Syntax } from '../scan/parse.ts'
import { createPrinter, printLabels, printName, printSeries } from '../scan/print.ts'
import { validate } from '../scan/validate.ts'
import { nextInOpenMetrics } from './grammar.ts'

const suffixes = new Map<MetricType | undefined, readonly string[]>([
  ['counter', ['_total', '_created']],
  ['histogram', ['_bucket', '_sum', '_count', '_created']],
  ['gaugehistogram', ['_bucket', '_gsum', '_gcount']],
  ['summary', ['_sum', '_count', '_created']],
  ['info', ['_info']],
])

const syntax: Syntax = {
  next: nextInOpenMetrics,
  strict: true,
  suffixesOf: (type) => suffixes.get(type) ?? [],
  unescapedHelp: unescaped,
  timestampOf: millisecondsOf,
}

const grammar: Grammar = {
  validate: (body, limits) => validate(body, limits, syntax),
  parse: parseNamed,
  familiesFor: (family) => [family],
  unsupportedReason: () => undefined,
  nameOf: (family) => shownAs(family).name,
  typeConflicts,
  printSample,
  createPrinter: () => createPrinter(headerOf, printSample),
  end: '# EOF\n',
}

/** With the name that a counter has in all formats: that of its samples. */
function* parseNamed(body: Uint8Array): Iterable<Family> {
  for (const family of parse(body, syntax))
    yield family.type === 'counter' ? { ...family, name: `${family.name}_total` } : family
}

/** A counter is named without the `_total` of its samples. One that has none, or nothing else, can't be one. */
function shownAs({ name, type }: FamilyMetadata): Pick<FamilyMetadata, 'name' | 'type'> {
  if (type !== 'counter') return { name, type }
  return isRenamed({ name, type }) ? { name: counterName(name), type } : { name, type: 'unknown' }
}

const isRenamed = ({ name, type }: Pick<FamilyMetadata, 'name' | 'type'>) =>
  type === 'counter' && counterName(name) !== name

/** A counter whose name another family has. */
function typeConflicts(families: ReadonlyMap<string, FamilyMetadata>): ReadonlyMap<string, MetricType> {
  const found = new Map<string, MetricType>()
  const counters = [...families.values()].filter(isRenamed)
  // by then it is known what became of one with a shorter name
  for (const { name } of counters.sort((a, b) => a.name.length - b.name.length)) {
    const other = families.get(counterName(name))
    if (!other) continue
    if (found.has(other.name)) found.set(name, 'unknown')
    else if (!isRenamed(other)) found.set(name, other.type ?? 'unknown')
  }
  return found
}

function headerOf(family: FamilyMetadata): string {
  const { name, type } = shownAs(family)
  const { help, unit } = family
  const shown = printName(name)
  const lines = [
    ...(help === undefined ? [] : [`# HELP ${shown} ${escaped(help)}\n`]),
    ...(type === undefined ? [] : [`# TYPE ${shown} ${type}\n`]),
    ...(unit && name.endsWith(`_${unit}`) ? [`# UNIT ${shown} ${unit}\n`] : []),
  ]
  return lines.join('')
}

export function printSample(sample: Sample): string {
  const { value, timestampMs, exemplar } = sample
  const text = `${printSeries(sample)} ${value}${printTime(timestampMs)}`
  if (!exemplar) return text
  return `${text} # {${printLabels(exemplar.labels)}} ${exemplar.value}${printTime(exemplar.timestampMs)}`
}

const printTime = (timestampMs: bigint | undefined) =>
  timestampMs === undefined ? '' : ` ${secondsOf(timestampMs)}`

const common = { mediaType: 'application/openmetrics-text', isForWildcards: true, grammar }

export const openMetrics001: ExpositionFormat = {
  ...common,
  name: 'openmetrics/0.0.1',
  parameters: { version: '0.0.1' },
  isDefault: { contentType: false, accept: true },
  allowsUtf8Names: false,
}

export const openMetrics100: ExpositionFormat = {
  ...common,
  name: 'openmetrics/1.0.0',
  parameters: { version: '1.0.0' },
  isDefault: { contentType: true, accept: false },
  allowsUtf8Names: true,
}
