// From metrics as bytes to families, for both grammars.

import type { Exemplar, Family, FamilyMetadata, MetricType, Sample } from '../family.ts'
import { maxParsedSamples } from '../format.ts'
import { EntryKind, type Next, Scan } from './scan.ts'

export interface Syntax {
  readonly next: Next
  readonly strict: boolean
  /** What the samples of a family of this type may add to its name. */
  suffixesOf(type: MetricType | undefined): readonly string[]
  unescapedHelp(text: string): string
  timestampOf(text: string): bigint
}

/** With the names as they are written. The metrics must be valid. */
export function* parse(body: Uint8Array, syntax: Syntax): Generator<Family> {
  const scan = new Scan(body, syntax.strict)
  const families = createFamilies(syntax)
  let family: FamilyMetadata | undefined
  let samples: Sample[] = []
  for (let kind = nextOf(scan, syntax); kind !== EntryKind.end; kind = nextOf(scan, syntax)) {
    if (kind === EntryKind.comment) continue
    const next = kind === EntryKind.sample ? families.of(scan.name()) : families.named(scan.name())
    const isOver = kind === EntryKind.sample ? samples.length === maxParsedSamples : samples.length > 0
    if (family && (isOver || next.name !== family.name)) {
      yield { ...family, samples }
      samples = []
    }
    family = kind === EntryKind.sample ? next : families.declare(next, declarationAt(scan, kind, syntax))
    if (kind === EntryKind.sample) samples.push(sampleOf(scan, syntax))
  }
  if (family) yield { ...family, samples }
}

/** Nothing at all is valid in either grammar. */
export const nextOf = (scan: Scan, { next }: Syntax): EntryKind =>
  scan.end === 0 ? EntryKind.end : next(scan)

function declarationAt(scan: Scan, kind: EntryKind, { unescapedHelp }: Syntax): Partial<FamilyMetadata> {
  if (kind === EntryKind.type) return { type: scan.type }
  const text = scan.text(scan.textStart, scan.textEnd)
  return kind === EntryKind.unit ? { unit: text } : { help: unescapedHelp(text) }
}

function sampleOf(scan: Scan, { timestampOf }: Syntax): Sample {
  return {
    name: scan.name(),
    labels: scan.labelsOfSample(),
    value: scan.text(scan.valueStart, scan.valueEnd),
    timestampMs: timestampAt(scan.timeStart, scan.timeEnd),
    exemplar: scan.hasExemplar ? exemplar() : undefined,
    encoded: undefined,
  }

  function timestampAt(from: number, to: number): bigint | undefined {
    return to > from ? timestampOf(scan.text(from, to)) : undefined
  }

  function exemplar(): Exemplar {
    return {
      labels: scan.labelsOfExemplar(),
      value: scan.text(scan.exemplarValueStart, scan.exemplarValueEnd),
      timestampMs: timestampAt(scan.exemplarTimeStart, scan.exemplarTimeEnd),
    }
  }
}

function createFamilies({ suffixesOf }: Syntax) {
  const byName = new Map<string, FamilyMetadata>()
  /** The name of the family declared last. */
  let last: string | undefined
  let current: { readonly sample: string; readonly family: FamilyMetadata } | undefined

  function store(family: FamilyMetadata): FamilyMetadata {
    byName.set(family.name, family)
    return family
  }

  const named = (name: string): FamilyMetadata =>
    byName.get(name) ?? store({ name, type: undefined, help: undefined, unit: undefined })

  function isOf(name: string, sample: string): boolean {
    if (!sample.startsWith(name)) return false
    return sample === name || suffixesOf(byName.get(name)?.type).includes(sample.slice(name.length))
  }

  /** As Prometheus has it, the family declared last if it fits; else one declared before; else one by itself. */
  function find(sample: string): FamilyMetadata {
    if (last !== undefined && isOf(last, sample)) return named(last)
    if (byName.get(sample)?.type !== undefined) return named(sample)
    for (let end = sample.lastIndexOf('_'); end >= 0; end = end === 0 ? -1 : sample.lastIndexOf('_', end - 1))
      if (isOf(sample.slice(0, end), sample)) return named(sample.slice(0, end))
    return named(sample)
  }

  return {
    named,
    /** The family of a sample. */
    of(sample: string): FamilyMetadata {
      if (current?.sample === sample) return current.family
      current = { sample, family: find(sample) }
      return current.family
    },
    declare(family: FamilyMetadata, declaration: Partial<FamilyMetadata>): FamilyMetadata {
      last = family.name
      current = undefined
      return store({ ...family, ...declaration })
    },
  }
}
