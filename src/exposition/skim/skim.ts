// The fast way to find that a page is valid, with nothing to remark on: a program in WebAssembly, from assembly/, that
// reads several hundred bytes in the time in which JavaScript reads one hundred. Of any other page it only says that it
// is one, and at the first line that it isn't sure of.

import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { createProgram } from '../../wasm.ts'
import { NEWLINE } from '../scan/bytes.ts'
import { program } from './program.ts'

interface Limits {
  readonly maxSeries: number
  readonly maxLine: number
}

/** What the program exports (see assembly/page.ts). */
interface Skimmer {
  readonly memory: WebAssembly.Memory
  readonly part: WebAssembly.Global
  readonly partSize: WebAssembly.Global
  start(strict: boolean, pageSize: number, maxSeries: number, maxLine: number, seed: bigint): number
  read(size: number): number
  end(): number
}

const seed = randomBytes(8).readBigInt64LE()

const use = createProgram<Skimmer>(program)

/** How many series the page has, if it is valid with nothing to remark on; undefined if that isn't sure. */
export function skim(body: Uint8Array, strict: boolean, limits: Limits): number | undefined {
  const series = use((skimmer) => readAll(skimmer, body, strict, limits))
  return series !== undefined && series >= 0 && isUtf8(body) ? series : undefined
}

function readAll(skimmer: Skimmer, body: Uint8Array, strict: boolean, limits: Limits): number {
  if (!skimmer.start(strict, body.length, limits.maxSeries, limits.maxLine, seed)) return -1
  for (let at = 0; at < body.length; ) {
    const end = partEnd(body, at, skimmer.partSize.value)
    if (end <= at || !skimmer.read(copy(body.subarray(at, end), skimmer))) return -1
    at = end
  }
  return skimmer.end()
}

/** Where the last line ends of as many as make up a part that is no larger; before `from` if there is none. */
function partEnd(body: Uint8Array, from: number, most: number): number {
  return body.length - from < most ? body.length : body.lastIndexOf(NEWLINE, from + most - 1) + 1
}

/** Returns how long the part is there, where it ends in a newline in any case. */
function copy(part: Uint8Array, { memory, part: { value: place } }: Skimmer): number {
  const there = new Uint8Array(memory.buffer, place, part.length + 1)
  there.set(part)
  if (part.at(-1) === NEWLINE) return part.length
  there[part.length] = NEWLINE
  return part.length + 1
}
