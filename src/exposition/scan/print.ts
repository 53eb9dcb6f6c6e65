// From families to bytes, for both grammars.

import type { Family, Label, Sample } from '../family.ts'
import { plainLabel, plainMetric } from '../names.ts'
import { escaped } from './escapes.ts'

export interface Writing {
  headerOf(family: Family): string
  /** Without a newline. */
  printSample(sample: Sample): string
}

export function printFamilies(families: readonly Family[], { headerOf, printSample }: Writing): Uint8Array {
  // each by itself: all of them could be more than a string may have
  const parts = families.map((family) => {
    // only in quotes a name can be empty, and it describes nothing
    let text = family.name === '' ? '' : headerOf(family)
    for (const sample of family.samples) text += `${printSample(sample)}\n`
    return Buffer.from(text)
  })
  return Buffer.concat(parts)
}

export const printName = (name: string): string => quoted(name, plainMetric)

export function printSeries({ name, labels }: Sample): string {
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
