// Numbers as nearly all are written.

import { at, DOT, digitsEnd, isAt, isDigit, isSign, MINUS, SPACE, word, ZERO } from '../../../assembly/bytes'

/** Where the number ends that begins at `from`, with a blank or a newline behind it; 0 if it isn't plain. */
export function readNumber(from: usize): usize {
  const end = readDecimal(from)
  return end !== 0 ? end : readWord(from)
}

/** The same for one that is finite. */
export function readDecimal(from: usize): usize {
  const whole = isSign(at(from)) ? from + 1 : from
  let i = digitsEnd(whole)
  let digits = i - whole
  if (at(i) === DOT) {
    const fraction = i + 1
    i = digitsEnd(fraction)
    digits += i - fraction
  }
  if (digits === 0 || digits > mostPlaces) return 0
  return at(i) <= SPACE ? i : readExponent(i, digits)
}

/** An exponent that is negative, or with which even that many digits make no number that is too large. */
function readExponent(from: usize, digits: usize): usize {
  if ((at(from) | 0x20) !== 0x65) return 0
  const negative = at(from + 1) === MINUS
  const first = isSign(at(from + 1)) ? from + 2 : from + 1
  let i = first
  let exponent: usize = 0
  for (; i < first + 3 && isDigit(at(i)); i++) exponent = 10 * exponent + (at(i) - ZERO)
  if (i === first || at(i) > SPACE) return 0
  return negative || digits + exponent <= mostPlaces ? i : 0
}

/** Any number with so many places before the point is one that a float64 holds. */
const mostPlaces: usize = 308

function readWord(from: usize): usize {
  const signed = isSign(at(from))
  const start = signed ? from + 1 : from
  const isInfinite = isAt(start, INF, 3) || isAt(start, SMALL_INF, 3)
  const isNone = !signed && (isAt(start, NAN, 3) || isAt(start, SMALL_NAN, 3))
  return (isInfinite || isNone) && at(start + 3) <= SPACE ? start + 3 : 0
}
const INF = word('Inf')
const SMALL_INF = word('inf')
const NAN = word('NaN')
const SMALL_NAN = word('nan')
