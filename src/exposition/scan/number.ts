// Numbers as Prometheus reads them: Go's strconv.ParseFloat without its hexadecimal and underscored forms.

import { DOT, isDigit, MINUS, PLUS } from './bytes.ts'
import { Refused, type Scan, seen } from './scan.ts'

const decoder = new TextDecoder('latin1')

/** Reads the number at `from`, which ends at a blank or a newline, and returns where it ends. */
export function readFloat(scan: Scan, from: number, what: string): number {
  const { body } = scan
  let i = from
  while (i < body.length && body[i]! > 0x20) i++
  if (isFloat(body, from, i)) return i
  const found = i === from ? seen(body, i) : JSON.stringify(scan.shown(from, i))
  throw new Refused(from, `expected ${what}, found ${found}`)
}

/** Whether `from` to `to` is a number that a float64 can hold. One that is too large for it is refused there too. */
function isFloat(body: Uint8Array, from: number, to: number): boolean {
  let i = from
  if (isSign(body[i]!)) i++
  const digitsFrom = i
  while (i < to && isDigit(body[i]!)) i++
  let digits = i - digitsFrom
  if (i < to && body[i] === DOT) {
    const fractionFrom = ++i
    while (i < to && isDigit(body[i]!)) i++
    digits += i - fractionFrom
  }
  if (digits === 0) return isSpecial(decoder.decode(body.subarray(from, to)))
  if (i === to) return digits < 300 || fits(body, from, to)
  const exponentFrom = exponentAfter(body, i, to)
  if (exponentFrom < 0) return false
  const small = to - exponentFrom <= 2 && digits < 200
  return small || fits(body, from, to)
}

/** Where the digits of the exponent begin that fills `i` to `to`; -1 if something else does. */
function exponentAfter(body: Uint8Array, i: number, to: number): number {
  if ((body[i]! | 0x20) !== 0x65) return -1
  const from = isSign(body[i + 1]!) ? i + 2 : i + 1
  if (from >= to) return -1
  for (let at = from; at < to; at++) if (!isDigit(body[at]!)) return -1
  return from
}

const isSign = (byte: number) => byte === PLUS || byte === MINUS
const fits = (body: Uint8Array, from: number, to: number) =>
  Number.isFinite(Number(decoder.decode(body.subarray(from, to))))
const isSpecial = (text: string) => /^([+-]?inf(inity)?|nan)$/i.test(text)

/** A value as a number; what `isFloat` took. */
export function floatOf(text: string): number {
  const special = /^([+-])?i|^n/i.exec(text)
  if (!special) return Number(text)
  if (/^n/i.test(text)) return Number.NaN
  return special[1] === '-' ? -Infinity : Infinity
}

/** Whether digits are more than an int64 holds. */
export const isTooLarge = (body: Uint8Array, from: number, to: number) =>
  to - from > 18 && BigInt(decoder.decode(body.subarray(from, to))) > 2n ** 63n - 1n
