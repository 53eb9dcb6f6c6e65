// Metrics of many containers as one: families together in the order of their first appearance, each with one HELP and
// one TYPE, its samples in the order of the parts. So a merge of unchanged metrics is unchanged.

import type { PageFacts } from '../model.ts'
import { createRepeatFinder } from './conflicts.ts'
import type { Exemplar, FamilyMetadata, Label, MetricType, Sample } from './family.ts'
import type { FamilyPrinter, Grammar } from './format.ts'
import {
  type Exposition,
  formatOf,
  isSentUnchanged,
  type NegotiatedFormat,
  utf8VariantOf,
} from './formats.ts'
import { createNameEscaper, type NameEscaper } from './names.ts'

export interface MergeInput {
  readonly page: Exposition
  /** Added to each series. One of that name that is there already becomes `exported_<name>`. */
  readonly label?: Label
}

/** The format is the requested one, or that of its grammar which has quotes, if there are any. */
export interface Merged extends PageFacts {
  readonly body: Uint8Array
}

/** In the format that a client accepts: the very same bytes where it accepts those. */
export function convert(page: Exposition, to: NegotiatedFormat): Uint8Array {
  return isSentUnchanged(page, to) ? page.body : merge([{ page }], to).body
}

/** The parts must be valid. Of samples that repeat a series the first stays. */
export function merge(parts: readonly MergeInput[], { format, escaping }: NegotiatedFormat): Merged {
  const to = formatOf(format)
  const names = createNameEscaper(escaping)
  const families = createFamilies(to.grammar)
  const samples = createSamples(to.grammar)
  for (const { page, label } of parts) {
    const added = label && { name: names.label(label.name), value: label.value }
    const { grammar } = formatOf(page.format)
    for (const one of grammar.parse(page.body, grammar === to.grammar ? 'encoded' : 'samples'))
      for (const family of to.grammar.familiesFor(one)) {
        const own = families.add({ ...family, name: names.metric(family.name) })
        const write = sampleWriter(names, own.name, added)
        own.printer.add(family.samples.map(write).filter(samples.accept))
      }
  }
  return {
    body: families.print(),
    ...(names.hasUtf8Names() ? { format: utf8VariantOf(to).name, hasUtf8Names: true } : { format }),
    series: samples.count(),
    remarks: [...families.remarks(), ...samples.remarks()],
  }
}

type MergedFamily = { -readonly [K in keyof FamilyMetadata]: FamilyMetadata[K] } & {
  readonly printer: FamilyPrinter
}

function createFamilies({ createPrinter, typeConflicts, end }: Grammar) {
  const all = new Map<string, MergedFamily>()
  const conflicts = new Map<string, string>()

  /** No type is right for a family of which two are claimed: it becomes untyped, its samples stay. */
  function conflict(family: MergedFamily, type: MetricType): void {
    if (!conflicts.has(family.name))
      conflicts.set(family.name, `${family.name} is ${family.type} and ${type}`)
    family.type = 'unknown'
  }

  return {
    /** The family of that name, with what one more part declares of it. The first help and the first unit count. */
    add({ name, type, help, unit }: FamilyMetadata): MergedFamily {
      const family = all.get(name) ?? { name, type, help, unit, printer: createPrinter() }
      all.set(name, family)
      family.help ??= help
      family.unit ??= unit
      family.type ??= type
      if (type !== undefined && family.type !== type) conflict(family, type)
      return family
    },
    print(): Uint8Array {
      for (const [name, type] of typeConflicts(all)) conflict(all.get(name)!, type)
      const printed = [...all.values()].map((family) => family.printer.print(family))
      return Buffer.concat([...printed, Buffer.from(end)])
    },
    remarks(): string[] {
      const [first] = conflicts.values()
      if (first === undefined) return []
      const what = conflicts.size === 1 ? '1 family has' : `${conflicts.size} families have`
      return [`${what} conflicting types and no type now: ${first}`]
    },
  }
}

function createSamples({ unsupportedReason }: Grammar) {
  const repeats = createRepeatFinder()
  const leftOut = new Map<string, number>()
  let count = 0

  return {
    /** Whether the sample is one of the merge. */
    accept(sample: Sample): boolean {
      const reason = unsupportedReason(sample)
      if (reason !== undefined) leftOut.set(reason, (leftOut.get(reason) ?? 0) + 1)
      if (reason !== undefined || !repeats.isFirst(sample)) return false
      count += sample.encoded?.series ?? 1
      return true
    },
    count: () => count,
    remarks: () => [
      ...repeats.remarks(),
      ...[...leftOut].map(
        ([reason, count]) => `${count === 1 ? '1 sample is' : `${count} samples are`} left out, ${reason}`,
      ),
    ],
  }
}

/** Makes each sample of a family what it is in the merge. */
function sampleWriter(names: NameEscaper, family: string, added: Label | undefined) {
  return (sample: Sample): Sample => {
    const labels = added ? withLabel(sample.labels, added) : sample.labels
    return {
      name: names.sample(sample.name, family),
      labels: escapedLabels(labels, names),
      value: sample.value,
      timestampMs: sample.timestampMs,
      exemplar: sample.exemplar && exemplarFor(sample.exemplar, names),
      encoded: sample.encoded,
    }
  }
}

/** Its labels can't be escaped without becoming others: one that needs quotes is left out where there are none. */
const exemplarFor = (exemplar: Exemplar, names: NameEscaper): Exemplar | undefined =>
  exemplar.labels.every(({ name }) => names.label(name) === name) ? exemplar : undefined

/**
 * The labels with one more. One of that name that is there already makes room as Prometheus does it: it
 * becomes `exported_<name>`, with as many prefixes as are needed to make it unique.
 */
export function withLabel(labels: readonly Label[], label: Label): readonly Label[] {
  if (labels.every(({ name }) => name !== label.name)) return [label, ...labels]
  const taken = new Set(labels.map(({ name }) => name))
  let moved = label.name
  do moved = `exported_${moved}`
  while (taken.has(moved))
  return [label, ...labels.map(({ name, value }) => ({ name: name === label.name ? moved : name, value }))]
}

/** Escaped names can come to be the same, and two labels of one name would cost all the metrics: they get underscores. */
function escapedLabels(labels: readonly Label[], names: NameEscaper): readonly Label[] {
  if (labels.every(({ name }) => names.label(name) === name)) return labels
  const taken = new Set<string>()
  return labels.map(({ name, value }) => {
    let free = names.label(name)
    while (taken.has(free)) free += '_'
    taken.add(free)
    return { name: free, value }
  })
}
