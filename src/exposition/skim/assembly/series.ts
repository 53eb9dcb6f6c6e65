// A series written in the plain way: a name without quotes, labels with no other escapes than are needed. What it has
// alike with the series before is compared and not read.

import {
  at,
  BACKSLASH,
  BLOCK,
  CLOSE,
  COMMA,
  EQUALS,
  isDigit,
  LETTER_N,
  NEWLINE,
  OPEN,
  QUOTE,
  sameHead,
  skipBlanks,
  word,
  wordPart,
} from '../../../assembly/bytes'
import { begin, finish, labelHash, mix, mixFirst } from '../../../assembly/hash'

/** Of what was read last. */
export let seriesHash: u64 = 0
export let nameHash: u64 = 0
let valueHash: u64 = 0

/** The labels of the last series that has any, each of `Label.size` bytes, and where that begins. */
const mostLabels = 32
const labels = memory.data(32 * 24, 8)
let before: usize = 0
let known: usize = labels

/** Where it and its value begin, counted from its series; the hash of all that comes before it; that of its name. */
namespace Label {
  export const start: usize = 0
  export const value: usize = 4
  export const hash: usize = 8
  export const name: usize = 16
  export const size: usize = 24
}

/** From here on nothing can be taken over. */
export function nothingBefore(): void {
  known = labels
}

/** Where the series ends that begins at `from`; 0 if it isn't plain. Only text has blanks between the parts. */
export function readSeries(from: usize, blanks: bool): usize {
  const label = takeOver(from)
  if (label >= labels) {
    seriesHash = load<u64>(label, Label.hash)
    return readLabels(from, label, from + <usize>load<u32>(label, Label.start), blanks)
  }
  const nameEnd = readName(from)
  if (nameEnd === from) return 0
  seriesHash = finish(nameHash)
  const brace = blanks ? skipBlanks(nameEnd) : nameEnd
  return at(brace) === OPEN ? readLabels(from, labels, brace + 1, blanks) : brace
}

/** The last label of the series before up to which this one is the same; below all if there is none. */
function takeOver(from: usize): usize {
  let label = known - Label.size
  if (label < labels) return label
  const same = sameHead(before, from, <usize>load<u32>(label, Label.start))
  while (label >= labels && <usize>load<u32>(label, Label.start) > same) label -= Label.size
  return label
}

/** Where the metric's name ends that begins at `from`, of which the hash is left; `from` if there is none. */
export function readName(from: usize): usize {
  // in ASCII, the colon comes after the nine
  return readWord(from, 10)
}

/** The same for a label's name. */
function readLabelName(from: usize): usize {
  return readWord(from, 9)
}

function readWord(from: usize, lastDigit: u8): usize {
  if (isDigit(at(from))) return from
  let hash = begin()
  let i = from
  while (true) {
    const block = v128.load(i)
    const size = wordPart(block, lastDigit)
    if (size < BLOCK) {
      nameHash = mixFirst(hash, block, size)
      return i + size
    }
    hash = mix(hash, block)
    i += BLOCK
  }
}

/** After the brace that closes the series' labels, of which `first` begins at `from`; 0 if they aren't plain. */
function readLabels(series: usize, first: usize, from: usize, blanks: bool): usize {
  let label = first
  let i = from
  /** Whether the labels so far have the names of those before, which are known to be different. */
  let sameNames = true
  while (true) {
    if (blanks) i = skipBlanks(i)
    if (at(i) === CLOSE) break
    if (label === labels + mostLabels * Label.size) return 0
    let value = sameName(label, i)
    if (value === 0) {
      value = readLabelStart(i)
      if (value === 0) return 0
      sameNames = false
      store<u64>(label, nameHash, Label.name)
    }
    const name = load<u64>(label, Label.name)
    if (!sameNames && isTaken(name, label)) return 0
    store<u32>(label, <u32>(i - series), Label.start)
    store<u32>(label, <u32>(value - series), Label.value)
    store<u64>(label, seriesHash, Label.hash)
    label += Label.size
    const valueEnd = readValue(value)
    if (valueEnd === 0) return 0
    // an empty label is none
    if (valueEnd > value) seriesHash += labelHash(name, valueHash)
    i = blanks ? skipBlanks(valueEnd + 1) : valueEnd + 1
    if (at(i) === COMMA) i++
    else if (at(i) !== CLOSE) return 0
  }
  before = series
  known = label
  return i + 1
}

/** Where the value begins of the label at `from`, if its name is that of the same label of the series before; else 0. */
function sameName(label: usize, from: usize): usize {
  if (label >= known) return 0
  const start = <usize>load<u32>(label, Label.start)
  const size = <usize>load<u32>(label, Label.value) - start
  return sameHead(before + start, from, size) >= size ? from + size : 0
}

/** After the brace that closes the exemplar's labels, which begin at `from`; 0 if they aren't plain. */
export function readExemplarLabels(from: usize): usize {
  let i = from
  while (at(i) !== CLOSE) {
    const value = readLabelStart(i)
    if (value === 0) return 0
    const valueEnd = readValue(value)
    if (valueEnd === 0) return 0
    i = valueEnd + 1
    if (at(i) === COMMA) i++
    else if (at(i) !== CLOSE) return 0
  }
  return i + 1
}

/** Reads a label's name, and returns where its value begins; 0 if it isn't plain. */
function readLabelStart(from: usize): usize {
  const end = readLabelName(from)
  return end !== from && at(end) === EQUALS && at(end + 1) === QUOTE ? end + 2 : 0
}

/** Whether one of the labels before this one has the name, or each series anyway. */
function isTaken(name: u64, label: usize): bool {
  for (let i = labels; i < label; i += Label.size) if (load<u64>(i, Label.name) === name) return true
  return name === metricLabel
}

/** The label that Prometheus keeps a metric's name in. */
let metricLabel: u64 = 0

/** To be called whenever hashes begin with something else. */
export function learnMetricLabel(): void {
  metricLabel = mix(begin(), i64x2(word('__name__'), 0))
}

/** Where the value that begins at `from` has its closing quote; 0 if it isn't plain. */
function readValue(from: usize): usize {
  let hash = begin()
  let i = from
  let escaped: usize = 0
  while (true) {
    const block = v128.load(i)
    for (let special = specials(block); special !== 0; special &= special - 1) {
      const size = ctz(special)
      const place = i + size
      if (place === escaped) continue
      if (at(place) === QUOTE) {
        valueHash = mixFirst(hash, block, size)
        return place
      }
      if (at(place) === NEWLINE || !isEscape(at(place + 1))) return 0
      escaped = place + 1
    }
    hash = mix(hash, block)
    i += BLOCK
  }
}

/** Which bytes of the block are quotes, backslashes or newlines, as bits. */
function specials(block: v128): i32 {
  const quote = i8x16.eq(block, i8x16.splat(QUOTE))
  const backslash = i8x16.eq(block, i8x16.splat(BACKSLASH))
  const newline = i8x16.eq(block, i8x16.splat(NEWLINE))
  return i8x16.bitmask(v128.or(v128.or(quote, backslash), newline))
}

/** Whether a backslash has a meaning before it. */
function isEscape(byte: u8): bool {
  return byte === QUOTE || byte === BACKSLASH || byte === LETTER_N
}
