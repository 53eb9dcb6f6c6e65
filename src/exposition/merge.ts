// Many pages as one: families together in the order of their first appearance, each with one HELP and one
// TYPE, its samples in the order of the parts. So a merge of unchanged pages is unchanged.

import type { Format, Page } from '../model.ts'
import { familyOf } from './family.ts'
import { isOpenMetrics, type Offer, quotingOf } from './formats.ts'
import { createFamilies, type Declared, type Families, type Family } from './merge/families.ts'
import { headerOf } from './merge/header.ts'
import { type Direction, homeOf } from './merge/home.ts'
import { plainLabel } from './merge/names.ts'
import { sampleWriter } from './merge/sample.ts'
import { createSamples, type Samples } from './merge/samples.ts'
import { unescaped, unescapedHelp } from './scan/escapes.ts'
import { labelHashOf } from './scan/hash.ts'
import type { Label } from './scan/labels.ts'
import { readerOf } from './scan/reader.ts'
import { Kind, Scan } from './scan/scan.ts'

export interface Part {
  readonly page: Pick<Page, 'format' | 'body'>
  /** Added to each series. One of that name that is there already becomes `exported_<name>`. */
  readonly label?: Label
}

export interface Merged {
  /** That asked for, or that of its grammar which has quotes, if there are any. */
  readonly format: Format
  readonly body: Uint8Array
  readonly series: number
  readonly remarks: readonly string[]
}

/** The parts must be pages that `inspect` took. Of samples that stand twice the first stays. */
export function merge(parts: readonly Part[], to: Offer): Merged {
  const families = createFamilies()
  const samples = createSamples(to.format, sizeOf(parts))
  let quoted = false
  for (const part of parts) if (addPart(part, to, families, samples)) quoted = true
  const chunks = [...families.all()].flatMap((family) => [
    headerOf(family, to, families.has),
    ...samples.chunks(family.ranges),
  ])
  if (isOpenMetrics(to.format)) chunks.push(Buffer.from('# EOF\n'))
  return {
    format: quoted && to.escaping === 'allow-utf-8' ? quotingOf(to.format) : to.format,
    body: Buffer.concat(chunks),
    series: samples.count(),
    remarks: [...families.remarks(), ...samples.remarks()],
  }
}

const sizeOf = (parts: readonly Part[]) => parts.reduce((sum, { page }) => sum + page.body.length, 0)

/** Adds the part's families and samples, and says whether a name in it is in quotes. */
function addPart({ page, label }: Part, to: Offer, families: Families, samples: Samples): boolean {
  let quoted = label !== undefined && !plainLabel.test(label.name)
  if (page.body.length === 0) return false
  const openMetrics = isOpenMetrics(page.format)
  const next = readerOf(page.format)
  const scan = new Scan(page.body, openMetrics)
  const write = sampleWriter(openMetrics, to, label)
  const labelHash = label ? labelHashOf(label.name, label.value) : 0
  const owners = ownersIn(openMetrics, to, families)
  let family: Family | undefined

  for (let kind = next(scan); kind !== Kind.end; kind = next(scan)) {
    quoted ||= scan.quoted
    if (kind === Kind.sample) {
      if (!family || !scan.sameName) family = owners.ofSample(unescaped(scan.name))
      samples.add(scan, write, labelHash, family.ranges)
    } else if (kind !== Kind.comment) owners.declare(unescaped(scan.name), declaredBy(scan, kind))
  }
  owners.settle()
  return quoted
}

function declaredBy(scan: Scan, kind: Kind): Declared {
  if (kind === Kind.type) return { type: scan.type }
  const text = scan.text(scan.textStart, scan.textEnd)
  if (kind === Kind.unit) return { unit: text }
  return { help: scan.strict ? unescaped(text) : unescapedHelp(text) }
}

/** The families to which the samples of one page belong, by what the page itself declares. */
function ownersIn(openMetrics: boolean, to: Offer, families: Families) {
  const direction: Direction = { from: openMetrics, to: isOpenMetrics(to.format) }
  const declared = new Map<string, Declared>()
  const owners = new Map<string, Family>()
  const typeOf = (name: string) => declared.get(name)?.type
  /** The family of which the page is just speaking: its home is known once all of its metadata is. */
  let open: string | undefined

  function settle(): void {
    if (open === undefined) return
    families.add(homeOf(open, typeOf(open), undefined, direction), declared.get(open) ?? {})
    open = undefined
  }

  return {
    settle,
    declare(name: string, addition: Declared): void {
      if (name !== open) settle()
      open = name
      declared.set(name, { ...declared.get(name), ...addition })
    },
    ofSample(sample: string): Family {
      settle()
      const known = owners.get(sample)
      if (known) return known
      const name = familyOf(sample, typeOf, openMetrics)
      const home = homeOf(name, typeOf(name), sample, direction)
      const owner = families.add(home, declared.get(name) ?? {})
      owners.set(sample, owner)
      return owner
    },
  }
}
