// Metrics as people read them: family by family.

import { createConflictFinder } from './conflicts.ts'
import { isHistogram, type MetricType, type Sample } from './family.ts'
import { maxParsedSamples } from './format.ts'
import { type Exposition, formatOf } from './formats.ts'
import { histogramsOf, type ShownHistogram } from './histograms.ts'

export interface ShownFamily {
  readonly name: string
  readonly type: MetricType
  readonly help: string
  readonly unit: string
  readonly histograms: readonly ShownHistogram[]
  /** All others, as the format prints them. */
  readonly samples: readonly string[]
}

export interface ShownMetrics {
  readonly families: readonly ShownFamily[]
  readonly remarks: readonly string[]
}

interface CollectedFamily {
  type: MetricType | undefined
  help: string | undefined
  unit: string | undefined
  /** Those that may be part of a histogram, which needs all of them at once. */
  readonly parts: Sample[]
  readonly samples: string[]
}

/** So many take some milliseconds to group. The samples of a larger family are shown without histograms. */
const maxHistogramSamples = 10_000

/** In the order of first appearance, in steps of some milliseconds. The metrics must be valid. */
export function* families({ format, body }: Exposition): Generator<void, ShownMetrics> {
  const { grammar } = formatOf(format)
  const conflicts = createConflictFinder()
  const found = new Map<string, CollectedFamily>()
  for (const family of grammar.parse(body, 'display')) {
    conflicts.add(family)
    const { type, help, unit } = family
    const name = grammar.nameOf(family)
    const one = found.get(name) ?? { type, help, unit, parts: [], samples: [] }
    found.set(
      name,
      Object.assign(one, { type: type ?? one.type, help: help ?? one.help, unit: unit ?? one.unit }),
    )
    for (const sample of family.samples) {
      if (isHistogram(type)) one.parts.push(sample)
      else one.samples.push(grammar.printSample(sample))
    }
    yield
  }
  const shown: ShownFamily[] = []
  for (const [name, { type = 'unknown', help = '', unit = '', parts, samples }] of found) {
    const isLarge = parts.length > maxHistogramSamples
    const { histograms, others } = isLarge ? { histograms: [], others: parts } : histogramsOf(name, parts)
    for (const [at, sample] of others.entries()) {
      if (at > 0 && at % maxParsedSamples === 0) yield
      samples.push(grammar.printSample(sample))
    }
    shown.push({ name, type, help, unit, histograms, samples })
    yield
  }
  return { families: shown, remarks: conflicts.remarks() }
}

/** The remarks on valid metrics alone. */
export function conflictsIn({ format, body }: Exposition): readonly string[] {
  const conflicts = createConflictFinder()
  for (const family of formatOf(format).grammar.parse(body, 'samples')) conflicts.add(family)
  return conflicts.remarks()
}

/** How many native histograms valid metrics have. */
export function countNativeHistograms({ format, body }: Exposition): number {
  let count = 0
  for (const { samples } of formatOf(format).grammar.parse(body, 'encoded'))
    count += samples.filter(({ encoded }) => encoded?.isNative).length
  return count
}
