// Prometheus' text format, 0.0.4 and 1.0.0, which has names in quotes as well.

import type { Declared, Family, MetricType, Sample } from '../family.ts'
import type { ExpositionFormat, Grammar } from '../format.ts'
import { counterName } from '../names.ts'
import { escapedHelp, unescapedHelp } from '../scan/escapes.ts'
import { parse, type Syntax } from '../scan/parse.ts'
import { createPrinter, printName, printSeries } from '../scan/print.ts'
import { hasQuotedNames, validate } from '../scan/validate.ts'
import { nextInText } from './grammar.ts'

const suffixes = new Map<MetricType | undefined, readonly string[]>([
  ['histogram', ['_bucket', '_sum', '_count']],
  ['summary', ['_sum', '_count']],
])
const suffixesOf = (type: MetricType | undefined) => suffixes.get(type) ?? []

const syntax: Syntax = { next: nextInText, strict: false, suffixesOf, unescapedHelp, timestampOf: BigInt }

const grammar: Grammar = {
  validate: (body, limits) => validate(body, limits, syntax),
  hasQuotedNames: (body) => hasQuotedNames(body, syntax),
  parse: (body) => parse(body, syntax),
  adapt,
  whyNot: ({ timestampMs }) =>
    timestampMs !== undefined && (timestampMs < 0n || timestampMs >= 2n ** 63n)
      ? 'with a timestamp that text cannot express'
      : undefined,
  nameOf: ({ name }) => name,
  untypable: () => new Map(),
  printSample,
  createPrinter: () => createPrinter({ headerOf, printSample }),
  end: '',
}

function headerOf({ name, type, help }: Declared): string {
  const shown = printName(name)
  const helpLine = help === undefined ? '' : `# HELP ${shown} ${escapedHelp(help)}\n`
  return type === undefined
    ? helpLine
    : `${helpLine}# TYPE ${shown} ${type === 'unknown' ? 'untyped' : type}\n`
}

function printSample(sample: Sample): string {
  const series = `${printSeries(sample)} ${sample.value}`
  return sample.timestampMs === undefined ? series : `${series} ${sample.timestampMs}`
}

/** What is one family in OpenMetrics may be several in text: there `_created`, `_gsum` and `_gcount` are gauges by themselves. */
function adapt(family: Family): readonly Family[] {
  const main = mainOf(family)
  if (family.samples.every(({ name }) => name === main.name)) return [main]
  const names = new Set([main.name, ...suffixesOf(main.type).map((suffix) => main.name + suffix)])
  const isOwn = ({ name }: Sample) => names.has(name)
  if (family.samples.every(isOwn)) return [main]
  const others = Map.groupBy(
    family.samples.filter((sample) => !isOwn(sample)),
    ({ name }) => name,
  )
  return [
    { ...main, samples: family.samples.filter(isOwn) },
    ...[...others].map(([name, samples]) => ({ ...family, name, type: typeOfPart(family, name), samples })),
  ]
}

function mainOf(family: Family): Family {
  switch (family.type) {
    case 'info':
      return { ...family, name: `${family.name}_info`, type: 'gauge' }
    case 'stateset':
      return { ...family, type: 'gauge' }
    case 'gaugehistogram':
      return { ...family, type: 'histogram' }
    default:
      return family
  }
}

function typeOfPart({ name, type }: Family, part: string): MetricType | undefined {
  const base = type === 'counter' ? counterName(name) : name
  if (['_created', '_gsum', '_gcount'].some((suffix) => part === base + suffix)) return 'gauge'
  return type === 'counter' && part === base ? 'counter' : undefined
}

const common = { mediaType: 'text/plain', grammar }

export const text004: ExpositionFormat = {
  ...common,
  name: 'text/0.0.4',
  version: '0.0.4',
  isDefault: { contentType: true, accept: true },
  canQuote: false,
}

export const text100: ExpositionFormat = {
  ...common,
  name: 'text/1.0.0',
  version: '1.0.0',
  isDefault: { contentType: false, accept: false },
  canQuote: true,
}
