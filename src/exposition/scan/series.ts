// A series: the metric's name and its labels. Both formats share this grammar, but that text allows blanks
// between all of its parts, and newlines in a label's value.
//
// Lines that follow each other mostly begin alike. How far they do is counted four bytes at a time; what
// was found in the line before up to there (labels, hashes) is taken over, and only the rest is read.

import {
  BACKSLASH,
  CLOSE,
  COMMA,
  classOf,
  EQUALS,
  isBlank,
  LABEL_PART,
  LABEL_START,
  METRIC_PART,
  NEWLINE,
  NUL,
  OPEN,
  QUOTE,
  VALUE_SPECIAL,
} from './bytes.ts'
import { unescaped } from './escapes.ts'
import { hashOf, labelHashOf, Part } from './hash.ts'
import { Refused, type Scan, seen, textOf } from './scan.ts'

/** Reads the series at `start`, which begins with a name or a brace, and returns where it ends. */
export function readSeries(scan: Scan): number {
  const taken = takeOver(scan)
  scan.sameName = taken >= 0
  scan.before = scan.start
  scan.reusable = 0
  scan.quoted = false
  scan.multiline = false
  scan.names = undefined
  if (taken >= 0) return readLabels(scan, scan.start + scan.safe[taken]!, taken)
  return readName(scan)
}

function readName(scan: Scan): number {
  const { body, start } = scan
  scan.count = 0
  scan.braceStart = 0
  scan.braceEnd = 0
  scan.nameStart = 0
  let i = start
  while (i < body.length && (classOf[body[i]!]! & METRIC_PART) !== 0) i++
  scan.nameEnd = i - start
  scan.hashes[0] = i === start ? 0 : hashOf(scan.view, start, i, Part.name)
  scan.masks[0] = 0
  scan.hash = scan.hashes[0]!
  const brace = scan.strict ? i : skipBlanks(body, i)
  if (body[brace] !== OPEN) return i
  scan.braceStart = brace + 1 - start
  scan.nameStart = i === start ? -1 : 0
  return readLabels(scan, brace + 1, 0)
}

/** How many labels of the sample before are this one's too, or -1 if not even the name is. */
function takeOver(scan: Scan): number {
  const { view, safe, before, start } = scan
  let labels = scan.reusable - 1
  if (labels < 0) return -1
  const most = safe[labels]!
  const alike = start + most <= view.byteLength ? alikeUpTo(view, before, start, most) : 0
  while (labels >= 0 && safe[labels]! > alike) labels--
  return labels
}

function alikeUpTo(view: DataView, a: number, b: number, most: number): number {
  let i = 0
  while (i + 4 <= most && view.getInt32(a + i) === view.getInt32(b + i)) i += 4
  while (i < most && view.getUint8(a + i) === view.getUint8(b + i)) i++
  return i
}

/** Reads on from where label `from` would begin, and returns the position after the closing brace. */
function readLabels(scan: Scan, at: number, from: number): number {
  const { body, start, strict } = scan
  let i = at
  let hash = scan.hashes[from]!
  let mask = scan.masks[from]!
  scan.count = from
  for (;;) {
    scan.safe[scan.count] = i - start
    scan.hashes[scan.count] = hash
    scan.masks[scan.count] = mask
    if (!strict) i = skipBlanks(body, i)
    if (body[i] === CLOSE) break

    const quoted = body[i] === QUOTE
    const nameStart = quoted ? i + 1 : i
    const nameEnd = quoted ? quotedEnd(scan, i) : labelNameEnd(body, i)
    i = quoted ? nameEnd + 1 : nameEnd
    if (!strict) i = skipBlanks(body, i)
    if (quoted && (body[i] === COMMA || body[i] === CLOSE)) {
      hash = (hash + takeName(scan, nameStart, nameEnd)) | 0
      if (body[i] === CLOSE) break
      i++
      continue
    }
    if (nameStart === nameEnd) throw new Refused(nameStart, "a label's name is empty")
    if (body[i] !== EQUALS) throw new Refused(i, `expected = after a label's name, found ${seen(body, i)}`)
    i++
    if (!strict) i = skipBlanks(body, i)
    if (body[i] !== QUOTE) throw new Refused(i, `expected a label's value in quotes, found ${seen(body, i)}`)

    const valueStart = i + 1
    i = readValue(scan, valueStart)
    if (!scan.utf8) scan.checkUtf8(valueStart - start, i - start, "a label's value")
    const bit = 1 << (body[nameStart]! * 7 + body[nameEnd - 1]! + nameEnd - nameStart)
    if ((mask & bit) !== 0 || scan.count >= many) refuseDoubled(scan, nameStart, nameEnd)
    mask |= bit
    note(scan, nameStart, nameEnd, valueStart, i)
    hash = (hash + labelHash(scan, nameStart, nameEnd, valueStart, i)) | 0
    i++

    if (!strict) i = skipBlanks(body, i)
    if (body[i] === COMMA) i++
    else if (strict && body[i] !== CLOSE) throw new Refused(i, `expected , or }, found ${seen(body, i)}`)
  }
  if (scan.nameStart < 0) throw new Refused(i, 'the metric has no name')
  scan.braceEnd = i - start
  scan.hash = hash
  if (!scan.quoted && !scan.multiline) scan.reusable = scan.count
  return i + 1
}

/** Reads the label's value that begins at `from`, and returns where its closing quote is. */
export function readValue(scan: Scan, from: number): number {
  const { body } = scan
  const end = body.length
  for (let i = from; i < end; i++) {
    if ((classOf[body[i]!]! & VALUE_SPECIAL) === 0) continue
    if (body[i] === QUOTE) return i
    if (body[i] === NEWLINE ? scan.strict : body[++i] === NEWLINE)
      throw new Refused(i, "the line ends within a label's value")
    if (body[i] === NEWLINE) scan.multiline = true
  }
  throw new Refused(from - 1, "a label's value has no closing quote")
}

/** A quoted string in the braces that isn't a label's name is the metric's. */
function takeName(scan: Scan, from: number, to: number): number {
  if (scan.nameStart >= 0) throw new Refused(from - 1, 'a second metric name, or a label without a value')
  if (from === to) throw new Refused(from, 'the metric name is empty')
  scan.nameStart = from - scan.start
  scan.nameEnd = to - scan.start
  return hashOf(scan.view, from, to, Part.name)
}

function note(scan: Scan, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
  scan.makeRoom()
  const { labels, start } = scan
  const at = 4 * scan.count++
  labels[at] = nameStart - start
  labels[at + 1] = nameEnd - start
  labels[at + 2] = valueStart - start
  labels[at + 3] = valueEnd - start
}

/** An empty label is none to Prometheus. One that isn't written in the plain way counts as if it were. */
function labelHash(
  scan: Scan,
  nameStart: number,
  nameEnd: number,
  valueStart: number,
  valueEnd: number,
): number {
  if (valueStart === valueEnd) return 0
  const { body, view } = scan
  const plain = valueStart === nameEnd + 2 && !hasBackslash(body, valueStart, valueEnd)
  if (plain) return hashOf(view, nameStart, valueEnd, Part.label)
  return labelHashOf(
    unescaped(textOf(body, nameStart, nameEnd)),
    unescaped(textOf(body, valueStart, valueEnd)),
  )
}

function hasBackslash(body: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (body[i] === BACKSLASH) return true
  return false
}

export function skipBlanks(body: Uint8Array, from: number): number {
  let i = from
  while (i < body.length && isBlank(body[i]!)) i++
  return i
}

export function labelNameEnd(body: Uint8Array, from: number): number {
  let i = from
  if ((classOf[body[i] ?? 0]! & LABEL_START) === 0)
    throw new Refused(i, `expected a label's name or }, found ${seen(body, i)}`)
  while (i < body.length && (classOf[body[i]!]! & LABEL_PART) !== 0) i++
  return i
}

/** Where the quoted name that opens at `from` has its closing quote. */
export function quotedEnd(scan: Scan, from: number): number {
  const { body, start } = scan
  let i = from + 1
  for (; i < body.length && body[i] !== QUOTE; i++) {
    if (body[i] === BACKSLASH && body[++i] === NEWLINE)
      throw new Refused(i, 'the line ends within a quoted name')
    if (body[i] === NUL) throw new Refused(i, 'a NUL byte in a quoted name')
  }
  if (i >= body.length) throw new Refused(from, 'a quoted name has no closing quote')
  scan.checkUtf8(from + 1 - start, i - start, 'a quoted name')
  scan.quoted = true
  return i
}

/** Labels beyond which their names are kept in a set, so that a line of a million labels takes no hour. */
const many = 64

/** Refuses a series that has two labels of one name: Prometheus drops the whole page for it. */
function refuseDoubled(scan: Scan, from: number, to: number): void {
  const name = scan.body.subarray(from, to)
  if (scan.count < many) {
    for (let label = 0; label < scan.count; label++)
      if (Buffer.compare(name, labelName(scan, label)) === 0) throw doubled(scan, from, to)
    return
  }
  scan.names ??= new Set(Array.from({ length: scan.count }, (_, label) => key(labelName(scan, label))))
  if (scan.names.has(key(name))) throw doubled(scan, from, to)
  scan.names.add(key(name))
}

const key = (name: Uint8Array) => Buffer.from(name).toString('latin1')
const labelName = (scan: Scan, label: number) =>
  scan.bytes(scan.labels[4 * label]!, scan.labels[4 * label + 1]!)
const doubled = (scan: Scan, from: number, to: number) =>
  new Refused(from, `the label ${scan.shown(from, to)} stands twice`)
