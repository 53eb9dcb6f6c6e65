// What is kept of a page to tell how the next one differs: much less than its text. A program in WebAssembly makes it,
// from assembly/.

import { randomBytes } from 'node:crypto'
import { createProgram } from '../wasm.ts'
import { program } from './outline/program.ts'

/** Line after line: two words of hash, one of sizes, and the tail (see assembly/outline.ts). */
export type Outline = Int32Array

interface Outliner {
  readonly memory: WebAssembly.Memory
  readonly page: WebAssembly.Global
  readonly outline: WebAssembly.Global
  makeRoom(size: number, seed: bigint): number
  read(size: number): number
}

const seed = randomBytes(8).readBigInt64LE()
const use = createProgram<Outliner>(program)

/** Larger pages have no outline: their bytes and its own couldn't be counted with 32 bits. */
const largest = 2 ** 30

/** Of a page; valid until the next is made. Undefined if it would take far more memory than the page. */
export function outlineOf(page: Uint8Array): Outline | undefined {
  return use((outliner) => {
    if (page.length > largest || !outliner.makeRoom(page.length, seed)) return undefined
    new Uint8Array(outliner.memory.buffer, outliner.page.value, page.length).set(page)
    const words = outliner.read(page.length)
    return words === 0 ? undefined : new Int32Array(outliner.memory.buffer, outliner.outline.value, words)
  })
}

/** A copy for good: in the memory of a former one if that is of about the same size. */
export function keepOutline(outline: Outline | undefined, former?: Outline): Outline | undefined {
  if (!outline) return undefined
  const { length } = outline
  const memory =
    former && fits(former.buffer, outline) ? former.buffer : new ArrayBuffer(4 * (length + (length >> 3)))
  const kept = new Int32Array(memory, 0, length)
  kept.set(outline)
  return kept
}

function fits(memory: ArrayBufferLike, { byteLength }: Outline): boolean {
  return byteLength <= memory.byteLength && memory.byteLength < 2 * byteLength
}

// ---- lines, each known by its place in the outline

const sizes = 2
const tail = 3

/** Without its newline. */
export function sizeOf(outline: Outline, line: number): number {
  const both = outline[line + sizes]!
  return (both >>> 8) + (both & 0xff)
}

export function tailSizeOf(outline: Outline, line: number): number {
  return outline[line + sizes]! & 0xff
}

export function lineAfter(outline: Outline, line: number): number {
  return line + tail + ((tailSizeOf(outline, line) + 3) >> 2)
}

export function linesBetween(outline: Outline, first: number, last: number): number {
  let count = 0
  for (let line = first; line < last; line = lineAfter(outline, line)) count++
  return count
}

/** What two outlines have in common from two places on. */
export interface Stretch {
  words: number
  lines: number
  /** So many bytes of the page, newlines included. */
  bytes: number
}

/** Most lines are the same. Says it in `found`, to leave no garbage. */
export function compare(one: Outline, i: number, two: Outline, j: number, found: Stretch): void {
  const most = Math.min(one.length - i, two.length - j)
  let [n, lines, bytes] = [0, 0, 0]
  while (n < most) {
    const both = two[j + n + sizes]!
    const end = n + tail + (((both & 0xff) + 3) >> 2)
    let at = n
    while (at < end && one[i + at] === two[j + at]) at++
    if (at < end) break
    n = end
    lines++
    bytes += (both >>> 8) + (both & 0xff) + 1
  }
  found.words = n
  found.lines = lines
  found.bytes = bytes
}

/** After the end, there is no line with any head. */
export function isSameHead(one: Outline, i: number, two: Outline, j: number): boolean {
  return one[i] === two[j] && one[i + 1] === two[j + 1] && one[i + sizes]! >>> 8 === two[j + sizes]! >>> 8
}

/** With how many bytes both tails begin. */
export function commonTail(one: Outline, i: number, two: Outline, j: number): number {
  const most = Math.min(tailSizeOf(one, i), tailSizeOf(two, j))
  for (let n = 0; 4 * n < most; n++) {
    const differing = one[i + tail + n]! ^ two[j + tail + n]!
    // the first byte is the lowest
    if (differing !== 0) return Math.min(most, 4 * n + ((31 - Math.clz32(differing & -differing)) >> 3))
  }
  return most
}

/**
 * Finds the next line with the head of another one, at or after a place; places never go back. It is made at the first
 * need: most pages only change.
 */
export function createIndex(
  outline: Outline,
): (of: Outline, line: number, from: number) => number | undefined {
  let index: Map<number, number[]> | undefined
  return (of, line, from) => {
    index ??= placesFromTheEnd(outline, from)
    const places = index.get(keyOf(of, line)) ?? []
    while (places.length > 0 && places.at(-1)! < from) places.pop()
    const place = places.at(-1)
    return place !== undefined && isSameHead(outline, place, of, line) ? place : undefined
  }
}

function placesFromTheEnd(outline: Outline, from: number): Map<number, number[]> {
  const lines: number[] = []
  for (let line = from; line < outline.length; line = lineAfter(outline, line)) lines.push(line)
  const index = new Map<number, number[]>()
  for (const line of lines.reverse()) {
    const key = keyOf(outline, line)
    const known = index.get(key)
    if (known) known.push(line)
    else index.set(key, [line])
  }
  return index
}

/** As much of the hash as a number holds. */
function keyOf(outline: Outline, line: number): number {
  return (outline[line]! >>> 11) * 2 ** 32 + (outline[line + 1]! >>> 0)
}
