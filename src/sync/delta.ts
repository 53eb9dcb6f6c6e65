// The difference between two versions of a page, line by line. Pure.
//
// A delta is a varint with the length of its steps, the steps, and the text that the steps insert. A step is a
// varint `count * 4 + kind`; after `change`, for each line: how many bytes are cut off its end before text is
// added. It is made from outlines, so that the former text needn't be there, and applied to lines as Latin-1 strings:
// one character a byte, so every page survives unchanged.

import {
  commonTail,
  compare,
  createIndex,
  isSameHead,
  lineAfter,
  linesBetween,
  type Outline,
  type Stretch,
  sizeOf,
  tailSizeOf,
} from './outline.ts'
import { byteReader, byteWriter } from './varint.ts'

const keep = 0
const drop = 1
const add = 2
const change = 3

const newline = 10

/** From a page of which only the outline is known to `page`, which has the outline `to`. */
export function makeDelta(from: Outline, to: Outline, page: Uint8Array): Uint8Array {
  const steps = stepWriter(page)
  const find = createIndex(from)
  /** The lines in the outlines, and the new one in the page. */
  let [i, j, start] = [0, 0, 0]
  const same: Stretch = { words: 0, lines: 0, bytes: 0 }
  while (true) {
    compare(from, i, to, j, same)
    steps.keep(same.lines)
    i += same.words
    j += same.words
    start += same.bytes
    if (j === to.length) break
    const end = start + sizeOf(to, j)
    const place = isSameHead(from, i, to, j) ? i : find(to, j, i)
    if (place === undefined) steps.add(start, end)
    else {
      const kept = commonTail(from, place, to, j)
      steps.drop(linesBetween(from, i, place))
      steps.change(tailSizeOf(from, place) - kept, end - tailSizeOf(to, j) + kept, end)
      i = lineAfter(from, place)
    }
    j = lineAfter(to, j)
    start = end + 1
  }
  return steps.end()
}

/** Throws where the delta doesn't fit the page. */
export function applyDelta(from: Uint8Array, delta: Uint8Array): Uint8Array {
  return bytesOf(applyToLines(linesOf(from), delta))
}

/** Several deltas one after the other, without making the pages between them. */
export function applyDeltas(from: Uint8Array, deltas: readonly Uint8Array[]): Uint8Array {
  if (deltas.length === 0) return from
  return bytesOf(deltas.reduce((lines, delta) => applyToLines(lines, delta), linesOf(from)))
}

function applyToLines(before: readonly string[], delta: Uint8Array): string[] {
  const head = byteReader(delta)
  const length = head.varint()
  const steps = byteReader(delta.subarray(head.at(), head.at() + length))
  const text = linesOf(delta.subarray(head.at() + length))
  const after: string[] = []
  let [at, told] = [0, 0]
  while (!steps.isEnd()) {
    const step = steps.varint()
    const count = Math.floor(step / 4)
    const kind = step % 4
    const [old, fresh] = [kind === add ? 0 : count, kind === add || kind === change ? count : 0]
    if (at + old > before.length || told + fresh > text.length)
      throw new Error('the delta does not fit the page')
    for (let n = 0; n < count && kind !== drop; n += 1) {
      if (kind === keep) after.push(before[at + n]!)
      else if (kind === add) after.push(text[told + n]!)
      else after.push(cut(before[at + n]!, steps.varint()) + text[told + n]!)
    }
    at += old
    told += fresh
  }
  return after
}

function cut(line: string, length: number): string {
  if (length > line.length) throw new Error('the delta does not fit the page')
  return line.slice(0, line.length - length)
}

/** One delta is made at a time: all are written in the same memory. */
const head = byteWriter()
const steps = byteWriter()
const cuts = byteWriter()
const text = byteWriter()

function stepWriter(to: Uint8Array) {
  let kind = keep
  let count = 0
  for (const part of [head, steps, cuts, text]) part.clear()

  function flush(): void {
    if (count > 0) steps.varint(count * 4 + kind)
    cuts.moveTo(steps)
    count = 0
  }
  function step(next: number, times: number): void {
    if (times === 0) return
    if (next !== kind) flush()
    kind = next
    count += times
  }
  function line(start: number, end: number): void {
    text.copy(to, start, end)
    text.byte(newline)
  }

  return {
    keep: (times: number) => step(keep, times),
    drop: (times: number) => step(drop, times),
    add(start: number, end: number) {
      step(add, 1)
      line(start, end)
    },
    /** Cuts so many bytes off, and adds what is at `start` to `end`. */
    change(length: number, start: number, end: number) {
      if (length === 0 && start === end) return step(keep, 1)
      step(change, 1)
      cuts.varint(length)
      line(start, end)
    },
    end(): Uint8Array {
      flush()
      head.varint(steps.length())
      // the last line ends with the delta
      return Buffer.concat([head.bytes(), steps.bytes(), text.bytes().subarray(0, -1)])
    },
  }
}

function linesOf(page: Uint8Array): string[] {
  return bufferOf(page).toString('latin1').split('\n')
}

function bytesOf(lines: readonly string[]): Uint8Array {
  return Buffer.from(lines.join('\n'), 'latin1')
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
