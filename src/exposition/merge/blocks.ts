// What pages declare. Replicas declare the same, byte for byte: so what stands between two samples is read
// once, and then only recognised.

import { suffixesOf } from '../family.ts'
import { alike } from '../scan/alike.ts'
import { BACKSLASH, NEWLINE } from '../scan/bytes.ts'
import { unescaped, unescapedHelp } from '../scan/escapes.ts'
import { Part, wholeHashOf } from '../scan/hash.ts'
import { nextInOpenMetrics } from '../scan/openmetrics.ts'
import { Kind, type MetricType, Scan } from '../scan/scan.ts'
import { nextInText } from '../scan/text.ts'
import { Table } from '../table.ts'
import type { Declared } from './declared.ts'
import type { Family } from './families.ts'

/** The metadata between two samples: mostly of one family. */
export interface Block {
  /** Its bytes, in the page in which it was first. */
  readonly view: DataView
  readonly from: number
  readonly size: number
  /** Whether its last line is whole. The last of a page may have no newline, and begin as a longer one does. */
  readonly ended: boolean
  /** Whether a name in it is in quotes. */
  readonly quoted: boolean
  readonly declared: readonly Declared[]
  /** Where the name of the family declared last stands, if it can be compared by its bytes. */
  readonly last: { readonly view: DataView; readonly at: number; readonly size: number } | undefined
  /** What the samples of that family may add to its name. */
  readonly suffixes: readonly Uint8Array[]
  /** That family in the merge, once known, if what this block says of it is all that has to be known. */
  family: Family | undefined
  /** The block that came after it in the page before: most likely it will again. */
  next: Block | undefined
}

/** Whether the sample's name is that of the family declared last, with a suffix that its type allows. */
export function fits({ last, suffixes }: Block, { body, view, start, nameStart, nameEnd }: Scan): boolean {
  if (last === undefined) return false
  const rest = nameEnd - nameStart - last.size
  const name = start + nameStart
  if (rest < 0 || !alike(last.view, last.at, view, name, last.size)) return false
  return (
    rest === 0 || suffixes.some((suffix) => suffix.length === rest && endsIn(body, name + last.size, suffix))
  )
}

function endsIn(body: Uint8Array, at: number, suffix: Uint8Array): boolean {
  for (let i = 0; i < suffix.length; i++) if (body[at + i] !== suffix[i]) return false
  return true
}

export interface Blocks {
  /** What the page declares from `from` to before `to`. The same bytes are the same block. */
  at(page: Scan, from: number, to: number): Block
}

/** Whether the page has the block at `at`, byte for byte. */
export const isAt = ({ view, from, size }: Block, page: Scan, at: number) =>
  at + size <= page.end && alike(view, from, page.view, at, size)

export function createBlocks(openMetrics: boolean): Blocks {
  const table = new Table(64)
  const known: Block[] = []
  const suffixes = suffixBytes(openMetrics)
  /** A second scan of the page that is being read, for what has to be read once more. */
  let reader: { readonly page: Scan; readonly scan: Scan } | undefined

  function readerOf(page: Scan): Scan {
    if (reader?.page !== page) reader = { page, scan: new Scan(page.body, page.strict, page.utf8) }
    return reader.scan
  }

  return {
    at(page, from, to) {
      const { view } = page
      const size = to - from
      const hash = wholeHashOf(view, from, to, Part.name)
      const isSame = (one: number) => known[one]!.size === size && isAt(known[one]!, page, from)
      const same = known[table.add(hash, known.length, isSame)]
      if (same) return same
      const block = readBlock(readerOf(page), from, to, suffixes)
      known.push(block)
      return block
    },
  }
}

type SuffixBytes = (type: MetricType | undefined) => readonly Uint8Array[]

function suffixBytes(openMetrics: boolean): SuffixBytes {
  const known = new Map<MetricType | undefined, readonly Uint8Array[]>()
  return (type) => {
    const found = known.get(type) ?? suffixesOf(type, openMetrics).map((suffix) => Buffer.from(suffix))
    known.set(type, found)
    return found
  }
}

function readBlock(scan: Scan, from: number, to: number, suffixes: SuffixBytes): Block {
  const declared = new Map<string, Declared>()
  const { body, end, view } = scan
  const next = scan.strict ? nextInOpenMetrics : nextInText
  let last: Block['last']
  let quoted = false
  scan.at = from
  for (
    let kind = next(scan);
    kind !== Kind.end && scan.start < to;
    kind = scan.at < to ? next(scan) : Kind.end
  ) {
    if (kind === Kind.comment) continue
    quoted ||= scan.quoted
    const name = unescaped(scan.name)
    const before = declared.get(name)
    // the family that was spoken of last is to stand last
    declared.delete(name)
    declared.set(name, { ...before, name, ...saidBy(scan, kind) })
    last = hasEscapes(scan)
      ? undefined
      : { view, at: scan.start + scan.nameStart, size: scan.nameEnd - scan.nameStart }
  }
  const all = [...declared.values()]
  return {
    view,
    from,
    size: to - from,
    ended: to < end || body[to - 1] === NEWLINE,
    quoted,
    declared: all,
    last,
    suffixes: suffixes(all.at(-1)?.type),
    family: undefined,
    next: undefined,
  }
}

const hasEscapes = (scan: Scan) => scan.quoted && scan.bytes(scan.nameStart, scan.nameEnd).includes(BACKSLASH)

function saidBy(scan: Scan, kind: Kind): Partial<Declared> {
  if (kind === Kind.type) return { type: scan.type }
  const text = scan.text(scan.textStart, scan.textEnd)
  if (kind === Kind.unit) return { unit: text }
  return { help: scan.strict ? unescaped(text) : unescapedHelp(text) }
}
