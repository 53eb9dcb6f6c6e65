// What pages declare. Replicas declare the same, byte for byte: so what stands between two samples is read
// once, and then only recognised.

import { suffixesOf } from '../family.ts'
import { alike } from '../scan/alike.ts'
import { unescaped, unescapedHelp } from '../scan/escapes.ts'
import { hashOf, Part } from '../scan/hash.ts'
import { nextInOpenMetrics } from '../scan/openmetrics.ts'
import { Kind, type MetricType, Scan } from '../scan/scan.ts'
import { nextInText } from '../scan/text.ts'
import { nextHash, Table } from '../table.ts'

/** What a page says of a family. */
export interface Declared {
  readonly name: string
  readonly type?: MetricType
  readonly help?: string
  readonly unit?: string
}

/** The metadata between two samples: mostly of one family. */
export interface Block {
  readonly declared: readonly Declared[]
  /** Whether the sample's name is that of the family declared last, with a suffix that its type allows. */
  fits(scan: Scan): boolean
}

export interface Blocks {
  /** What the scan's page declares from `from` to before `to`. The same bytes are the same block. */
  at(scan: Scan, from: number, to: number): Block
}

export function createBlocks(openMetrics: boolean): Blocks {
  const table = new Table(64)
  const known: {
    readonly block: Block
    readonly view: DataView
    readonly from: number
    readonly size: number
  }[] = []

  return {
    at({ body, view }, from, to) {
      const size = to - from
      for (let hash = hashOf(view, from, to, Part.name); ; hash = nextHash(hash)) {
        const same = known[table.insert(hash, known.length)]
        if (same && (same.size !== size || !alike(same.view, same.from, view, from, size))) continue
        if (same) return same.block
        const block = readBlock(body.subarray(from, to), openMetrics)
        known.push({ block, view, from, size })
        return block
      }
    },
  }
}

function readBlock(body: Uint8Array, openMetrics: boolean): Block {
  const declared = new Map<string, Declared>()
  const scan = new Scan(body, openMetrics)
  const next = openMetrics ? nextInOpenMetrics : nextInText
  while (scan.at < scan.end) {
    const kind = next(scan)
    if (kind === Kind.end) break
    if (kind === Kind.comment) continue
    const name = unescaped(scan.name)
    const before = declared.get(name)
    // the family that was spoken of last is to stand last
    declared.delete(name)
    declared.set(name, { ...before, name, ...saidBy(scan, kind) })
  }
  const all = [...declared.values()]
  return { declared: all, fits: fitting(all.at(-1), openMetrics) }
}

function saidBy(scan: Scan, kind: Kind): Partial<Declared> {
  if (kind === Kind.type) return { type: scan.type }
  const text = scan.text(scan.textStart, scan.textEnd)
  if (kind === Kind.unit) return { unit: text }
  return { help: scan.strict ? unescaped(text) : unescapedHelp(text) }
}

/** By bytes alone. A name with escapes fits nothing here, which leaves it to those who look closer. */
function fitting(last: Declared | undefined, openMetrics: boolean): (scan: Scan) => boolean {
  if (last === undefined) return () => false
  const names = ['', ...suffixesOf(last.type, openMetrics)].map((suffix) => {
    const bytes = Uint8Array.from(Buffer.from(last.name + suffix))
    return { size: bytes.length, view: new DataView(bytes.buffer) }
  })
  return ({ view, start, nameStart, nameEnd }) => {
    for (const name of names)
      if (name.size === nameEnd - nameStart && alike(name.view, 0, view, start + nameStart, name.size))
        return true
    return false
  }
}
