// The difference between two versions of a page, line by line. Pure.
//
// A delta is a varint with the length of its steps, the steps, and the text that the steps insert. A step is a
// varint `count * 4 + kind`; after `change`, for each line: how many bytes are cut off its end before text is
// added. Lines are handled as Latin-1 strings: one character a byte, so every page survives unchanged.

import { byteReader, byteWriter } from './varint.ts'

const keep = 0
const drop = 1
const add = 2
const change = 3

export function makeDelta(from: Uint8Array, to: Uint8Array): Uint8Array {
  const [before, after] = [linesOf(from), linesOf(to)]
  const steps = stepWriter()
  const find = finder(before)
  let at = 0
  for (const line of after) {
    let old = before[at]
    if (old !== line && (old === undefined || seriesOf(old) !== seriesOf(line))) {
      const found = find(seriesOf(line), at)
      if (found === undefined) {
        steps.add(line)
        continue
      }
      steps.drop(found - at)
      at = found
      old = before[at]!
    }
    if (old === line) steps.keep()
    else steps.change(old!, line)
    at += 1
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

function stepWriter() {
  const steps = byteWriter()
  const text: string[] = []
  let cuts: number[] = []
  let kind = keep
  let count = 0

  function flush(): void {
    if (count > 0) steps.varint(count * 4 + kind)
    for (const length of cuts) steps.varint(length)
    cuts = []
    count = 0
  }
  function step(next: number, times: number): void {
    if (next !== kind) flush()
    kind = next
    count += times
  }

  return {
    keep: () => step(keep, 1),
    drop: (times: number) => step(drop, times),
    add(line: string) {
      step(add, 1)
      text.push(line)
    },
    change(old: string, line: string) {
      const same = samePrefix(old, line)
      step(change, 1)
      cuts.push(old.length - same)
      text.push(line.slice(same))
    },
    end(): Uint8Array {
      flush()
      const head = byteWriter()
      head.varint(steps.length())
      return Buffer.concat([head.bytes(), steps.bytes(), bytesOf(text)])
    },
  }
}

/**
 * Finds the next line of a series at or after a place; places never go back. The index is made at the first
 * need: most pages only change.
 */
function finder(lines: readonly string[]): (series: string, from: number) => number | undefined {
  let index: Map<string, number[]> | undefined
  return (series, from) => {
    index ??= placesFromTheEnd(lines)
    const places = index.get(series) ?? []
    while (places.length > 0 && places.at(-1)! < from) places.pop()
    return places.at(-1)
  }
}

function placesFromTheEnd(lines: readonly string[]): Map<string, number[]> {
  const index = new Map<string, number[]>()
  for (let at = lines.length - 1; at >= 0; at -= 1) {
    const series = seriesOf(lines[at]!)
    const known = index.get(series)
    if (known) known.push(at)
    else index.set(series, [at])
  }
  return index
}

/** What names a line: the series without its value, or the whole comment. A guess that is wrong costs bytes only. */
function seriesOf(line: string): string {
  if (line.charCodeAt(0) === 35) return line
  const brace = line.indexOf('} ')
  return line.slice(0, brace < 0 ? Math.max(0, line.indexOf(' ')) : brace)
}

function samePrefix(a: string, b: string): number {
  let length = 0
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length += 1
  return length
}

function linesOf(page: Uint8Array): string[] {
  return Buffer.from(page.buffer, page.byteOffset, page.byteLength).toString('latin1').split('\n')
}

function bytesOf(lines: readonly string[]): Uint8Array {
  return Buffer.from(lines.join('\n'), 'latin1')
}
