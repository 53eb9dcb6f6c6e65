// Numbers as Prometheus reads them: Go's strconv.ParseFloat without its hexadecimal and underscored forms. And timestamps,
// which are whole milliseconds in the text format and in Prometheus, and seconds in OpenMetrics.

import { DOT, isDigit, MINUS, PLUS, SPACE } from './bytes.ts'
import { characterAt, excerpt, MetricsError } from './position.ts'
import type { Scan } from './scan.ts'

const decoder = new TextDecoder('latin1')

/** Digits and an exponent below which no number can be too large for a float64. */
const safeDigits = 200
const safeExponentDigits = 2

/** Reads the number at `from`, which ends at a blank or a newline, and returns where it ends. */
export function readFloat(scan: Scan, from: number, what: string): number {
  const { body, end } = scan
  let i = from
  if (i < end && isSign(body[i]!)) i++
  const digits = i
  while (i < end && isDigit(body[i]!)) i++
  let count = i - digits
  if (i < end && body[i] === DOT) {
    const fraction = ++i
    while (i < end && isDigit(body[i]!)) i++
    count += i - fraction
  }
  if (count === 0 || count > safeDigits) return readOddFloat(scan, from, what)
  if (i === end || body[i]! <= SPACE) return i
  return readExponent(scan, i) || readOddFloat(scan, from, what)
}

/** Where the small exponent ends that begins at `at`; 0 if there is none. */
function readExponent({ body, end }: Scan, at: number): number {
  if ((body[at]! | 0x20) !== 0x65) return 0
  let i = at + 1
  if (i < end && isSign(body[i]!)) i++
  const digits = i
  while (i < end && isDigit(body[i]!)) i++
  const plain = i > digits && i - digits <= safeExponentDigits
  return plain && (i === end || body[i]! <= SPACE) ? i : 0
}

/** What isn't written as most numbers are: infinite, very long, very large, or no number at all. */
function readOddFloat(scan: Scan, from: number, what: string): number {
  const { body, end } = scan
  let i = from
  while (i < end && body[i]! > SPACE) i++
  if (isFloat(decoder.decode(body.subarray(from, i)))) return i
  const found = i === from ? characterAt(body, i) : excerpt(body, from, i)
  throw new MetricsError(from, `expected ${what}, found ${found}`)
}

/** One that is too large for a float64 is refused by Prometheus, too. */
function isFloat(text: string): boolean {
  if (/^([+-]?inf(inity)?|nan)$/i.test(text)) return true
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text))
}

const isSign = (byte: number) => byte === PLUS || byte === MINUS

/** A value as a number; what `isFloat` took. */
export function floatOf(text: string): number {
  const infinity = /^([+-]?)inf/i.exec(text)
  if (infinity) return infinity[1] === '-' ? -Infinity : Infinity
  return /^nan$/i.test(text) ? Number.NaN : Number(text)
}

/** Whether digits are more than an int64 holds. */
export const isTooLarge = (body: Uint8Array, from: number, to: number) =>
  to - from > 18 && BigInt(decoder.decode(body.subarray(from, to))) > 2n ** 63n - 1n

/** As Go's libraries spell a float64 in the text formats, so that labels made of numbers (`le`) are the same. */
export function printFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value < 0 ? '-Inf' : '+Inf'
  const [digits = '', exponent = ''] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 6) return Object.is(value, -0) ? '-0' : String(value)
  const sign = power < 0 ? '-' : '+'
  return `${digits}e${sign}${String(Math.abs(power)).padStart(2, '0')}`
}

/** As seconds such that Prometheus, which multiplies by 1000 and cuts, comes to the same milliseconds again. */
export function secondsOf(timestampMs: bigint): string {
  const sign = timestampMs < 0n ? '-' : ''
  const digits = String(timestampMs < 0n ? -timestampMs : timestampMs).padStart(4, '0')
  const seconds = `${sign}${digits.slice(0, -3)}.${digits.slice(-3)}`
  return Math.trunc(Number(seconds) * 1000) === Number(timestampMs) ? seconds : `${seconds}5`
}

/** As the milliseconds that Prometheus would come to. The seconds must be finite. */
export function millisecondsOf(seconds: string): bigint {
  const milliseconds = Math.trunc(floatOf(seconds) * 1000)
  return BigInt(Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, milliseconds)))
}
