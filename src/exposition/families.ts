// Metrics as people read them: family by family.

import type { MetricType } from './family.ts'
import { type Exposition, formatOf } from './formats.ts'

export interface ShownFamily {
  readonly name: string
  readonly type: MetricType
  readonly help: string
  readonly unit: string
  /** As the format prints them. */
  readonly samples: readonly string[]
}

/** In the order of first appearance. The metrics must be valid. */
export function families({ format, body }: Exposition): readonly ShownFamily[] {
  const { grammar } = formatOf(format)
  const found = new Map<string, ShownFamily>()
  for (const family of (grammar.parseForPeople ?? grammar.parse)(body)) {
    const name = grammar.nameOf(family)
    const before = found.get(name)
    const samples = family.samples.map(grammar.printSample)
    found.set(name, {
      name,
      type: family.type ?? before?.type ?? 'unknown',
      help: family.help ?? before?.help ?? '',
      unit: family.unit ?? before?.unit ?? '',
      samples: before ? [...before.samples, ...samples] : samples,
    })
  }
  return [...found.values()]
}

/** How many native histograms valid metrics have. */
export function countNativeHistograms({ format, body }: Exposition): number {
  let count = 0
  for (const { samples } of formatOf(format).grammar.parseRaw(body))
    count += samples.filter(({ raw }) => raw?.isNative).length
  return count
}
