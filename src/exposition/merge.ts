// Many pages as one: families together in the order of their first appearance, each with one HELP and one
// TYPE, its samples in the order of the parts. So a merge of unchanged pages is unchanged.

import type { Format } from '../model.ts'
import { type Exposition, isOpenMetrics, type Offer, quotingOf } from './formats.ts'
import { type Block, type Blocks, createBlocks, isAt } from './merge/blocks.ts'
import { createFamilies, type Families, type Family } from './merge/families.ts'
import { headerOf } from './merge/header.ts'
import { plainLabel, told } from './merge/names.ts'
import { Output } from './merge/output.ts'
import { createOwners } from './merge/owners.ts'
import { sampleWriter } from './merge/sample.ts'
import { createSamples, type Samples } from './merge/samples.ts'
import { HASH } from './scan/bytes.ts'
import { labelHashOf } from './scan/hash.ts'
import type { Label } from './scan/labels.ts'
import { readerOf } from './scan/reader.ts'
import { Kind, Scan } from './scan/scan.ts'

export interface Part {
  readonly page: Exposition
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
  const families = createFamilies(to.escaping)
  const samples = createSamples(to.format, sizeOf(parts))
  const blocks = { text: createBlocks(false), openMetrics: createBlocks(true) }
  const merging: Merging = {
    to,
    families,
    samples,
    blocks: (openMetrics) => (openMetrics ? blocks.openMetrics : blocks.text),
  }
  let quoted = false
  for (const part of parts) if (addPart(part, merging)) quoted = true
  samples.leaveOutRepeated()
  if (isOpenMetrics(to.format)) families.settleForOpenMetrics()
  return {
    format: quoted && to.escaping === 'allow-utf-8' ? quotingOf(to.format) : to.format,
    body: print(merging),
    series: samples.count(),
    remarks: [...families.remarks(), ...samples.remarks()],
  }
}

const bytesPerHeader = 160

function print({ to, families, samples }: Merging): Uint8Array {
  const out = new Output(samples.size() + bytesPerHeader * families.count())
  for (const family of families.all()) {
    out.write(headerOf(family, to))
    samples.print(family.ranges, out)
  }
  if (isOpenMetrics(to.format)) out.write('# EOF\n')
  return out.bytes
}

/** What is made together of all parts. */
interface Merging {
  readonly to: Offer
  readonly families: Families
  readonly samples: Samples
  blocks(openMetrics: boolean): Blocks
}

const sizeOf = (parts: readonly Part[]) => parts.reduce((sum, { page }) => sum + page.body.length, 0)

/** Adds the part's families and samples, and says whether a name in it is in quotes. */
function addPart({ page, label: given }: Part, { to, blocks, families, samples }: Merging): boolean {
  if (page.body.length === 0) return false
  const openMetrics = isOpenMetrics(page.format)
  const read = readerOf(page.format)
  const scan = new Scan(page.body, openMetrics)
  const label = given && { ...given, name: told(given.name, plainLabel, to.escaping) }
  const write = sampleWriter(openMetrics, to, label)
  const labelHash = label ? labelHashOf(label.name, label.value) : 0
  const owners = createOwners(families, { from: openMetrics, to: isOpenMetrics(to.format) })
  const known = blocks(openMetrics)
  let quoted = label !== undefined && !plainLabel.test(label.name)
  let family: Family | undefined
  let block: Block | undefined
  /** Where the metadata began that the next sample ends. */
  let metadata = -1

  function declare(next: Block): void {
    if (block) block.next = next
    block = next
    quoted ||= next.quoted
    family = undefined
    owners.declare(next)
  }
  /** Passes over the block that came next in the page before, if it comes next here. */
  function skipBlock(): void {
    const next = block?.next
    if (!next?.ended || !isAt(next, scan, scan.at)) return
    declare(next)
    scan.at += next.size
  }

  let kind = read(scan)
  for (; kind !== Kind.end; kind = read(scan)) {
    if (kind !== Kind.sample) {
      if (metadata < 0) metadata = scan.start
      continue
    }
    if (metadata >= 0) declare(known.at(scan, metadata, scan.start))
    metadata = -1
    quoted ||= scan.quoted
    if (!family || !scan.sameName) family = owners.of(scan)
    samples.add(scan, write, labelHash, family)
    if (scan.body[scan.at] === HASH) skipBlock()
  }
  if (metadata >= 0) declare(known.at(scan, metadata, scan.start))
  return quoted
}
