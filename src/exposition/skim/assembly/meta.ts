// Lines that begin with #.

import { at, hasNul, isAt, lineEnd, NEWLINE, SPACE, skipBlanks, word } from '../../../assembly/bytes'
import { finish } from '../../../assembly/hash'
import { remember } from './repeats'
import { nameHash, readName } from './series'

const HELP = word('# HELP ')
const TYPE = word('# TYPE ')
const UNIT = word('# UNIT ')
const UNTYPED = word('untyped')
const UNKNOWN = word('unknown')
const INFO = word('info')
const STATESET = word('stateset')
const GAUGE_HIS = word('gaugehis')
const TOGRAM = word('togram')
const GAUGE = word('gauge')
const COUNTER = word('counter')
const SUMMARY = word('summary')
const HISTOGRA = word('histogra')
const LONE_HELP = word('HELP')
const LONE_TYPE = word('TYPE')
const EOF = word('# EOF')

/** So that a family isn't taken for a series of its name. */
const familySalt: u64 = 0x66616d696c79

/** After the line of a text page that begins at `from`; 0 if it isn't plain. */
export function readTextMeta(from: usize): usize {
  if (isAt(from, HELP, 7)) return readHelp(from + 7, true)
  if (isAt(from, TYPE, 7)) return readType(from + 7, false)
  return readComment(from)
}

/** The same for a page of OpenMetrics, but for its end. */
export function readOpenMetricsMeta(from: usize): usize {
  if (isAt(from, HELP, 7)) return readHelp(from + 7, false)
  if (isAt(from, TYPE, 7)) return readType(from + 7, true)
  return isAt(from, UNIT, 7) ? readUnit(from + 7) : 0
}

function readHelp(from: usize, mayEnd: bool): usize {
  const end = readName(from)
  if (end === from) return 0
  return at(end) === SPACE || (mayEnd && at(end) === NEWLINE) ? lineEnd(end) + 1 : 0
}

function readType(from: usize, strict: bool): usize {
  const end = readName(from)
  if (end === from || at(end) !== SPACE) return 0
  const word = end + 1
  const size = strict ? openMetricsType(word) : textType(word)
  if (size === 0 || at(word + size) !== NEWLINE) return 0
  remember(finish(nameHash ^ familySalt))
  return word + size + 1
}

function textType(word: usize): usize {
  return isAt(word, UNTYPED, 7) ? 7 : commonType(word)
}

function openMetricsType(word: usize): usize {
  if (isAt(word, UNKNOWN, 7)) return 7
  if (isAt(word, INFO, 4)) return 4
  if (isAt(word, STATESET, 8)) return 8
  return isAt(word, GAUGE_HIS, 8) && isAt(word + 8, TOGRAM, 6) ? 14 : commonType(word)
}

function commonType(word: usize): usize {
  if (isAt(word, GAUGE, 5)) return 5
  if (isAt(word, COUNTER, 7)) return 7
  if (isAt(word, SUMMARY, 7)) return 7
  return isAt(word, HISTOGRA, 8) && at(word + 8) === 0x6d ? 9 : 0
}

/** A unit has to be the end of the name. */
function readUnit(from: usize): usize {
  const nameEnd = readName(from)
  if (nameEnd === from || at(nameEnd) !== SPACE) return 0
  const unit = nameEnd + 1
  const end = lineEnd(unit)
  if (end === unit) return end + 1
  const size = end - unit
  const same = nameEnd - from > size && memory.compare(nameEnd - size, unit, size) === 0
  return same && at(nameEnd - size - 1) === 0x5f ? end + 1 : 0
}

/** What looks like metadata in another way is left to the other reader, and so is a NUL, which may end the page. */
function readComment(from: usize): usize {
  const word = skipBlanks(from + 1)
  if (isAt(word, LONE_HELP, 4) || isAt(word, LONE_TYPE, 4)) return 0
  const end = lineEnd(from)
  return hasNul(from, end) ? 0 : end + 1
}

/** Whether the page ends at `from`, with no more than a newline. */
export function isEnd(from: usize): bool {
  return isAt(from, EOF, 5) && at(from + 5) === NEWLINE
}
