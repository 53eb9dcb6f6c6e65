// From metrics as bytes to families, for both grammars.

import type { Exemplar, Family, MetricType, Sample } from '../family.ts'
import { Kind, type Next, Scan } from './scan.ts'

export interface Reading {
  readonly next: Next
  readonly strict: boolean
  /** What the samples of a family of this type may add to its name. */
  suffixesOf(type: MetricType | undefined): readonly string[]
  unescapedHelp(text: string): string
  timestampOf(text: string): bigint
}

type Draft = { -readonly [K in keyof Family]: Family[K] } & { samples: Sample[] }

/** With the names as they are written. The metrics must be valid. */
export function parse(body: Uint8Array, reading: Reading): readonly Family[] {
  const scan = new Scan(body, reading.strict)
  const families = createFamilies(reading)
  for (let kind = nextOf(scan, reading); kind !== Kind.end; kind = nextOf(scan, reading)) {
    if (kind === Kind.sample) families.add(sampleOf(scan, reading))
    else if (kind !== Kind.comment) {
      const text = scan.text(scan.textStart, scan.textEnd)
      if (kind === Kind.type) families.declareType(scan.name(), scan.type)
      else if (kind === Kind.unit) families.describe(scan.name(), { unit: text })
      else families.describe(scan.name(), { help: reading.unescapedHelp(text) })
    }
  }
  return families.all
}

/** Nothing at all is valid in either grammar. */
const nextOf = (scan: Scan, { next }: Reading): Kind => (scan.end === 0 ? Kind.end : next(scan))

export function sampleOf(scan: Scan, { timestampOf }: Pick<Reading, 'timestampOf'>): Sample {
  return {
    name: scan.name(),
    labels: scan.labelsOfSample(),
    value: scan.text(scan.valueStart, scan.valueEnd),
    timestampMs: timestampAt(scan.timeStart, scan.timeEnd),
    exemplar: scan.hasExemplar ? exemplar() : undefined,
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

function createFamilies({ suffixesOf }: Reading) {
  const all: Draft[] = []
  const byName = new Map<string, Draft>()
  let last: Draft | undefined
  /** The family of the samples that are named like the last one. */
  let current: { readonly name: string; readonly family: Draft } | undefined

  function start(draft: Draft): Draft {
    all.push(draft)
    byName.set(draft.name, draft)
    return draft
  }

  const named = (name: string): Draft =>
    byName.get(name) ?? start({ name, type: undefined, help: undefined, unit: undefined, samples: [] })

  function isOf(family: Draft | undefined, sample: string): boolean {
    if (family === undefined || !sample.startsWith(family.name)) return false
    return sample === family.name || suffixesOf(family.type).includes(sample.slice(family.name.length))
  }

  /** As Prometheus has it, the family declared last if it fits; else one declared before; else one by itself. */
  function familyOf(sample: string): Draft {
    if (last && isOf(last, sample)) return last
    const own = byName.get(sample)
    if (own?.type !== undefined) return own
    for (
      let end = sample.lastIndexOf('_');
      end >= 0;
      end = end === 0 ? -1 : sample.lastIndexOf('_', end - 1)
    ) {
      const family = byName.get(sample.slice(0, end))
      if (isOf(family, sample)) return family!
    }
    return named(sample)
  }

  return {
    all,
    add(sample: Sample): void {
      if (current?.name !== sample.name) current = { name: sample.name, family: familyOf(sample.name) }
      current.family.samples.push(sample)
    },
    /** Where samples came before under another type, what comes is another family of that name. */
    declareType(name: string, type: MetricType): void {
      const before = named(name)
      const isOther = before.type !== type && before.samples.length > 0
      last = isOther ? start({ ...before, samples: [] }) : before
      last.type = type
      current = undefined
    },
    describe(name: string, description: { readonly help?: string; readonly unit?: string }): void {
      last = Object.assign(named(name), description)
      current = undefined
    },
  }
}
