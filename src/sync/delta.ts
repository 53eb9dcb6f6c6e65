// The difference between two versions of a page, line by line. Pure.
//
// A delta is a varint with the length of its steps, the steps, and the text that the steps insert. A step is a
// varint `count * 4 + kind`; after `change`, for each line: how many bytes are cut off its end before text is
// added. It is made from the bytes, since most lines are only compared, and applied to lines as Latin-1 strings: one
// character a byte, so every page survives unchanged.

import { compare, lineEnd, lineStart, linesIn, type Stretch, viewOf } from './lines.ts'
import { byteReader, byteWriter } from './varint.ts'

const keep = 0
const drop = 1
const add = 2
const change = 3

const newline = 10
const space = 32
const hash = 35
const colon = 58
const open = 123
const close = 125

export function makeDelta(from: Uint8Array, to: Uint8Array): Uint8Array {
  const [old, fresh] = [viewOf(from), viewOf(to)]
  const steps = stepWriter(to)
  const find = finder(from)
  const same: Stretch = { bytes: 0, lines: 0 }
  let [i, j] = [0, 0]
  while (i <= from.length && j <= to.length) {
    compare(old, i, fresh, j, same)
    const [oldAt, at] = [i + same.bytes, j + same.bytes]
    const [oldEnd, end] = [lineEnd(from, oldAt), lineEnd(to, at)]
    steps.keep(same.lines)
    if (!followsLabels(to, at)) {
      const start = lineStart(to, at, j)
      const there = i + start - j
      const place = isInValue(to, start, at) ? there : find(seriesOf(to, start, end), there)
      if (place === undefined) {
        steps.add(start, end)
        i = there
        j = end + 1
        continue
      }
      if (place > there) {
        steps.drop(linesIn(old, there, place))
        i = place
        j = start
        continue
      }
    }
    steps.change(oldEnd - oldAt, at, end)
    i = oldEnd + 1
    j = end + 1
  }
  for (; j <= to.length; j = lineEnd(to, j) + 1) steps.add(j, lineEnd(to, j))
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

/** Whether what differs from `at` on is most likely a value behind labels, as most of what differs is. */
function followsLabels(page: Uint8Array, at: number): boolean {
  let n = at - 1
  while (n > 0 && isOfNumber(page[n]!)) n--
  return page[n] === space && page[n - 1] === close
}

/** A digit, or what may stand among them. */
const isOfNumber = (byte: number) => byte > space && byte < colon && byte !== hash

/** Whether the line that begins at `start` has named its series before `at`: what differs from there on is its value. */
function isInValue(page: Uint8Array, start: number, at: number): boolean {
  if (page[start] === hash) return false
  let hasLabels = false
  for (let n = start; n < at; n += 1) {
    if (page[n] === open) hasLabels = true
    else if (page[n] === space && (!hasLabels || page[n - 1] === close)) return true
  }
  return false
}

/**
 * Finds the next line of a series at or after a place; places never go back. The index is made at the first
 * need: most pages only change.
 */
function finder(page: Uint8Array): (series: string, from: number) => number | undefined {
  let index: Map<string, number[]> | undefined
  return (series, from) => {
    index ??= placesFromTheEnd(page, from)
    const places = index.get(series) ?? []
    while (places.length > 0 && places.at(-1)! < from) places.pop()
    return places.at(-1)
  }
}

function placesFromTheEnd(page: Uint8Array, from: number): Map<string, number[]> {
  const starts: number[] = []
  for (let at = from; at <= page.length; at = lineEnd(page, at) + 1) starts.push(at)
  const index = new Map<string, number[]>()
  for (const start of starts.reverse()) {
    const series = seriesOf(page, start, lineEnd(page, start))
    const known = index.get(series)
    if (known) known.push(start)
    else index.set(series, [start])
  }
  return index
}

/** What names a line: the series without its value, or the whole comment. A guess that is wrong costs bytes only. */
function seriesOf(page: Uint8Array, start: number, end: number): string {
  const line = bufferOf(page).toString('latin1', start, end)
  if (page[start] === hash) return line
  const brace = line.indexOf('} ')
  return line.slice(0, brace < 0 ? Math.max(0, line.indexOf(' ')) : brace)
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
