// Whether a page is valid, with nothing to remark on: read in one pass, in parts of whole lines, since so much memory
// as a page may take needn't be held for it. In doubt no: then another reader says what it is.

import {
  at,
  digitsEnd,
  HASH,
  hasNul,
  isAt,
  isBlank,
  NEWLINE,
  SPACE,
  skipBlanks,
  word,
} from '../../../assembly/bytes'
import { finish, hashOf, sow } from '../../../assembly/hash'
import { isEnd, readOpenMetricsMeta, readTextMeta } from './meta'
import { readDecimal, readNumber } from './number'
import { forget, isRepeated, makeRoom, remember } from './repeats'
import { learnMetricLabel, nothingBefore, readExemplarLabels, readSeries, seriesHash } from './series'

/** Where the parts are to be put, and how long they may be. */
export const partSize: usize = 1 << 18
export const part: usize = memory.data(partSize + 64, 16)

let strict: bool = false
let maxSeries: usize = 0
let maxLine: usize = 0
let series: usize = 0
/** Whether OpenMetrics' end was there. */
let ended: bool = false

/** Begins a page of so many bytes, of OpenMetrics if strict. Whether there is memory for it. */
export function start(
  isStrict: bool,
  pageSize: usize,
  mostSeries: usize,
  longestLine: usize,
  seed: u64,
): bool {
  strict = isStrict
  maxSeries = mostSeries
  maxLine = longestLine
  series = 0
  ended = false
  sow(seed)
  learnMetricLabel()
  return forget(__heap_base, pageSize)
}

/** Reads the next part, of so many bytes, of which the last is a newline. Whether there is no doubt so far. */
export function read(size: usize): bool {
  // no line that is to be remembered is shorter
  if (!makeRoom(size / 4)) return false
  nothingBefore()
  const partEnd = part + size
  let i = part
  while (i < partEnd) {
    const after = strict ? readOpenMetricsLine(i) : readTextLine(i)
    if (after === 0 || after - i > maxLine) return false
    i = after
  }
  return series <= maxSeries
}

/** How many series the page has; -1 if there is a doubt. */
export function end(): i32 {
  return (strict && !ended) || isRepeated() ? -1 : <i32>series
}

function readTextLine(from: usize): usize {
  const first = at(from)
  if (first === HASH) return readTextMeta(from)
  if (first === NEWLINE || isBlank(first)) return from + 1
  const value = readSeries(from, true)
  return value === 0 ? 0 : readTextValue(skipBlanks(value))
}

function readTextValue(value: usize): usize {
  const valueEnd = readNumber(value)
  if (valueEnd === 0) return 0
  if (at(valueEnd) === NEWLINE) return sample(seriesHash, valueEnd)
  const time = skipBlanks(valueEnd)
  const timeEnd = digitsEnd(time)
  // with as many an int64 may be too small
  if (timeEnd - time > 18) return 0
  const hash = timeEnd > time ? seriesHash + timeHash(time, timeEnd) : seriesHash
  const end = skipBlanks(timeEnd)
  return at(end) === NEWLINE ? sample(hash, end) : 0
}

function readOpenMetricsLine(from: usize): usize {
  if (ended) return 0
  if (at(from) !== HASH) {
    const value = readSeries(from, false)
    return value === 0 ? 0 : readOpenMetricsValue(value)
  }
  ended = isEnd(from)
  return ended ? from + 6 : readOpenMetricsMeta(from)
}

function readOpenMetricsValue(from: usize): usize {
  let i = at(from) === SPACE ? readNumber(from + 1) : 0
  if (i === 0) return 0
  let hash = seriesHash
  if (at(i) === SPACE && at(i + 1) !== HASH) {
    const time = i + 1
    i = readDecimal(time)
    if (i === 0) return 0
    hash += timeHash(time, i)
  }
  if (at(i) === SPACE) i = readExemplar(i + 1)
  return i !== 0 && at(i) === NEWLINE ? sample(hash, i) : 0
}

const EXEMPLAR = word('# {')

/** Where the exemplar ends that begins at `from`; 0 if it isn't plain. */
function readExemplar(from: usize): usize {
  if (!isAt(from, EXEMPLAR, 3)) return 0
  const labelsEnd = readExemplarLabels(from + 3)
  if (labelsEnd === 0 || hasNul(from, labelsEnd) || at(labelsEnd) !== SPACE) return 0
  const valueEnd = readNumber(labelsEnd + 1)
  return valueEnd !== 0 && at(valueEnd) === SPACE ? readDecimal(valueEnd + 1) : valueEnd
}

function timeHash(from: usize, to: usize): u64 {
  return finish(hashOf(from, to))
}

/** One more, of which the line ends at `lineEnd`. Returns where the next line begins. */
function sample(hash: u64, lineEnd: usize): usize {
  series++
  remember(hash)
  return lineEnd + 1
}
