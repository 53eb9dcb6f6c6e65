// Metrics of many containers as one: families together in the order of their first appearance, each with one HELP and
// one TYPE, its samples in the order of the parts. So a merge of unchanged metrics is unchanged.

import type { Format } from '../model.ts'
import type { Exemplar, Family, Label, MetricType, Sample } from './family.ts'
import { type Exposition, formatOf, type Offer, quotingOf } from './formats.ts'
import { createNames, type Names } from './names.ts'
import { seriesKey } from './scan/duplicates.ts'
import { printSeries } from './scan/print.ts'

export interface Part {
  readonly page: Exposition
  /** Added to each series. One of that name that is there already becomes `exported_<name>`. */
  readonly label?: Label
}

export interface Merged {
  /** The one asked for, or that of its grammar which has quotes, if there are any. */
  readonly format: Format
  readonly body: Uint8Array
  readonly series: number
  readonly remarks: readonly string[]
}

/** The parts must be valid. Of samples that repeat a series the first stays. */
export function merge(parts: readonly Part[], { format, escaping }: Offer): Merged {
  const to = formatOf(format)
  const names = createNames(escaping)
  const families = createFamilies()
  const samples = createSamples(to.grammar.whyNot)
  for (const { page, label } of parts) {
    const added = label && { name: names.label(label.name), value: label.value }
    for (const given of formatOf(page.format).grammar.parse(page.body))
      for (const family of to.grammar.adapt(given)) {
        const own = families.add({ ...family, name: names.metric(family.name) })
        const write = sampleWriter(names, own.name, added)
        for (const sample of family.samples) samples.add(write(sample), own.samples)
      }
  }
  families.settle(to.grammar.untypable(families.all))
  return {
    format: names.needQuotes() ? quotingOf(to).name : format,
    body: to.grammar.print([...families.all.values()]),
    series: samples.count(),
    remarks: [...families.remarks(), ...samples.remarks()],
  }
}

type Draft = { -readonly [K in keyof Family]: Family[K] } & { samples: Sample[] }

function createFamilies() {
  const all = new Map<string, Draft>()
  const conflicts = new Map<string, string>()

  /** No type is right for a family of which two are claimed: it becomes untyped, its samples stay. */
  function conflict(family: Draft, type: MetricType): void {
    if (!conflicts.has(family.name))
      conflicts.set(family.name, `${family.name} is ${family.type} and ${type}`)
    family.type = 'unknown'
  }

  return {
    all: all as ReadonlyMap<string, Family>,
    /** The family of that name, with what one more part says of it. The first help and the first unit stand. */
    add({ name, type, help, unit }: Family): Draft {
      const family = all.get(name) ?? { name, type, help, unit, samples: [] }
      all.set(name, family)
      family.help ??= help
      family.unit ??= unit
      family.type ??= type
      if (type !== undefined && family.type !== type) conflict(family, type)
      return family
    },
    settle(untypable: ReadonlyMap<string, MetricType>): void {
      for (const [name, type] of untypable) conflict(all.get(name)!, type)
    },
    remarks(): string[] {
      const [first] = conflicts.values()
      if (first === undefined) return []
      const what = conflicts.size === 1 ? '1 family has' : `${conflicts.size} families have`
      return [`${what} conflicting types and no type now: ${first}`]
    },
  }
}

function createSamples(whyNot: (sample: Sample) => string | undefined) {
  const series = new Set<string>()
  const leftOut = new Map<string, number>()
  let repeated = 0
  let example = ''

  return {
    add(sample: Sample, samples: Sample[]): void {
      const reason = whyNot(sample)
      if (reason !== undefined) {
        leftOut.set(reason, (leftOut.get(reason) ?? 0) + 1)
        return
      }
      const before = series.size
      series.add(seriesKey(sample))
      if (series.size > before) samples.push(sample)
      else if (repeated++ === 0) example = printSeries(sample)
    },
    count: () => series.size,
    remarks(): string[] {
      const found = [...leftOut].map(
        ([reason, count]) => `${count === 1 ? '1 sample is' : `${count} samples are`} left out, ${reason}`,
      )
      if (repeated === 0) return found
      const what =
        repeated === 1 ? '1 sample repeats a series and is' : `${repeated} samples repeat a series and are`
      return [`${what} left out, such as ${example}`, ...found]
    },
  }
}

/** Makes each sample of a family what it is in the merge. */
function sampleWriter(names: Names, family: string, added: Label | undefined) {
  return (sample: Sample): Sample => {
    const labels = added ? withLabel(sample.labels, added) : sample.labels
    return {
      name: names.sample(sample.name, family),
      labels: escapedLabels(labels, names),
      value: sample.value,
      timestampMs: sample.timestampMs,
      exemplar: sample.exemplar && exemplarFor(sample.exemplar, names),
    }
  }
}

/** Its labels can't be escaped without becoming others: one that needs quotes is left out where there are none. */
const exemplarFor = (exemplar: Exemplar, names: Names): Exemplar | undefined =>
  exemplar.labels.every(({ name }) => names.label(name) === name) ? exemplar : undefined

/**
 * The labels with one more. One of that name that is there already makes room as Prometheus does it: it
 * becomes `exported_<name>`, with as many prefixes as it takes to be new.
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
function escapedLabels(labels: readonly Label[], names: Names): readonly Label[] {
  if (labels.every(({ name }) => names.label(name) === name)) return labels
  const taken = new Set<string>()
  return labels.map(({ name, value }) => {
    let free = names.label(name)
    while (taken.has(free)) free += '_'
    taken.add(free)
    return { name: free, value }
  })
}
