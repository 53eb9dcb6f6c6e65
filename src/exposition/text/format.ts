// Prometheus' text format, 0.0.4 and 1.0.0, which has names in quotes as well.

import { adaptToClassic, suffixesOfClassic } from '../classic.ts'
import type { FamilyMetadata, Sample } from '../family.ts'
import type { ExpositionFormat, Grammar } from '../format.ts'
import { escapedHelp, unescapedHelp } from '../scan/escapes.ts'
import { parse, type Syntax } from '../scan/parse.ts'
import { createPrinter, printName, printSeries } from '../scan/print.ts'
import { validate } from '../scan/validate.ts'
import { nextInText } from './grammar.ts'

const syntax: Syntax = {
  next: nextInText,
  strict: false,
  suffixesOf: suffixesOfClassic,
  unescapedHelp,
  timestampOf: BigInt,
}

const grammar: Grammar = {
  validate: (body, limits) => validate(body, limits, syntax),
  parse: (body) => parse(body, syntax),
  familiesFor: adaptToClassic,
  unsupportedReason: ({ timestampMs }) =>
    timestampMs !== undefined && (timestampMs < 0n || timestampMs >= 2n ** 63n)
      ? 'with a timestamp that text cannot express'
      : undefined,
  nameOf: ({ name }) => name,
  typeConflicts: () => new Map(),
  printSample,
  createPrinter: () => createPrinter(headerOf, printSample),
  end: '',
}

function headerOf({ name, type, help }: FamilyMetadata): string {
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

const common = { mediaType: 'text/plain', isForWildcards: true, grammar }

export const text004: ExpositionFormat = {
  ...common,
  name: 'text/0.0.4',
  parameters: { version: '0.0.4' },
  isDefault: { contentType: true, accept: true },
  allowsUtf8Names: false,
}

export const text100: ExpositionFormat = {
  ...common,
  name: 'text/1.0.0',
  parameters: { version: '1.0.0' },
  isDefault: { contentType: false, accept: false },
  allowsUtf8Names: true,
}
