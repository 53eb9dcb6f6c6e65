// From one scrape to the next a page mostly keeps its lines, and only numbers in them change. Then it needs no
// second validation: the same series are as valid, and as remarkable, as they were.

import { samePrefix, viewOf } from '../lines.ts'
import {
  BACKSLASH,
  CLOSE,
  classOf,
  DOT,
  isDigit,
  METRIC_PART,
  MINUS,
  NEWLINE,
  OPEN,
  PLUS,
  QUOTE,
  SPACE,
} from './scan/bytes.ts'

/**
 * Whether `next` is the valid page `before` with nothing but other values. In doubt no: only what most lines
 * look like is understood here. (A line of a label's value that goes over several lines may look like a sample, too:
 * such a page is as valid after all, but what is said of its repeated series may be out of date.)
 */
export function isRenewal(before: Uint8Array, next: Uint8Array): boolean {
  const [old, fresh] = [viewOf(before), viewOf(next)]
  let [i, j] = [0, 0]
  while (i < before.length && j < next.length) {
    const same = samePrefix(old, i, fresh, j)
    i += same
    j += same
    if (i === before.length || j === next.length) break
    const value = valueStart(next, j)
    if (value === -1) return false
    i = numberLineEnd(before, i - (j - value))
    j = numberLineEnd(next, value)
    if (i === -1 || j === -1) return false
  }
  return i === before.length && j === next.length
}

/** Where the value begins in the line of a sample that holds `at`; -1 if `at` comes before it or elsewhere. */
function valueStart(page: Uint8Array, at: number): number {
  let i = at === 0 ? 0 : page.lastIndexOf(NEWLINE, at - 1) + 1
  // anything else, such as a tab, may part the name from a value, and that from a timestamp
  while (i < at && (classOf[page[i]!]! & METRIC_PART) !== 0) i++
  if (page[i] === OPEN) i = labelsEnd(page, i + 1, at)
  return i !== -1 && i < at && page[i] === SPACE ? i + 1 : -1
}

/** After the brace that closes the labels which begin at `from`; -1 if it isn't before `at`. */
function labelsEnd(page: Uint8Array, from: number, at: number): number {
  let quoted = false
  for (let i = from; i < at; i++) {
    const byte = page[i]
    if (byte === QUOTE) quoted = !quoted
    else if (byte === BACKSLASH) i++
    else if (byte === CLOSE && !quoted) return i + 1
  }
  return -1
}

/** The newline after the plain number at `from`; -1 if anything else is there, such as a timestamp. */
function numberLineEnd(page: Uint8Array, from: number): number {
  let i = page[from] === MINUS ? from + 1 : from
  const whole = digitsEnd(page, i)
  if (whole === i) return -1
  i = whole
  if (page[i] === DOT) {
    const fraction = digitsEnd(page, i + 1)
    if (fraction === i + 1) return -1
    i = fraction
  }
  if (i - from > mostDigits) return -1
  if (page[i] === NEWLINE) return i
  i = exponentEnd(page, i)
  return page[i] === NEWLINE ? i : -1
}

/** Shorter than what a float64 can't hold. */
const mostDigits = 40

/** An exponent of one or two digits: with so few no number is too large. */
function exponentEnd(page: Uint8Array, at: number): number {
  if (((page[at] ?? 0) | 0x20) !== 0x65) return -1
  const digits = page[at + 1] === PLUS || page[at + 1] === MINUS ? at + 2 : at + 1
  const end = digitsEnd(page, digits)
  return end - digits === 1 || end - digits === 2 ? end : -1
}

function digitsEnd(page: Uint8Array, from: number): number {
  let i = from
  while (i < page.length && isDigit(page[i]!)) i++
  return i
}
