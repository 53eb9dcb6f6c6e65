// From families to bytes, for both grammars.

import type { FamilyMetadata, Label, Sample } from '../family.ts'
import type { FamilyPrinter } from '../format.ts'
import { plainLabel, plainMetric } from '../names.ts'
import { escaped } from './escapes.ts'

/** `printSample`: without a newline. */
export function createPrinter(
  headerOf: (family: FamilyMetadata) => string,
  printSample: (sample: Sample) => string,
): FamilyPrinter {
  let texts: string[] = []
  return {
    add(samples): void {
      texts.push(samples.map((sample) => `${printSample(sample)}\n`).join(''))
    },
    print(family): Uint8Array {
      // only in quotes a name can be empty, and it describes nothing
      const header = family.name === '' ? '' : headerOf(family)
      const printed = Buffer.from(header + texts.join(''))
      texts = []
      return printed
    },
  }
}

export const printName = (name: string): string => quoted(name, plainMetric)

export function printSeries({ name, labels }: Pick<Sample, 'name' | 'labels'>): string {
  if (plainMetric.test(name)) return labels.length === 0 ? name : `${name}{${printLabels(labels)}}`
  return labels.length === 0 ? `{${printName(name)}}` : `{${printName(name)},${printLabels(labels)}}`
}

export function printLabels(labels: readonly Label[]): string {
  let text = ''
  for (const { name, value } of labels)
    text += `${text === '' ? '' : ','}${quoted(name, plainLabel)}="${escaped(value)}"`
  return text
}

const quoted = (name: string, plain: RegExp) => (plain.test(name) ? name : `"${escaped(name)}"`)
