// Timestamps: whole milliseconds in text, seconds in OpenMetrics.

import { floatOf } from '../scan/number.ts'

/** As seconds such that Prometheus, which multiplies by 1000 and cuts, comes to the same milliseconds again. */
export function secondsOf(milliseconds: string): string {
  const digits = milliseconds.padStart(4, '0')
  const seconds = `${digits.slice(0, -3)}.${digits.slice(-3)}`
  return Math.trunc(Number(seconds) * 1000) === Number(milliseconds) ? seconds : `${seconds}5`
}

/** As the milliseconds that Prometheus would come to; `undefined` if text can't say them. */
export function millisecondsOf(seconds: string): string | undefined {
  const milliseconds = Math.trunc(floatOf(seconds) * 1000)
  return milliseconds >= 0 && milliseconds < 2 ** 63 ? String(BigInt(milliseconds)) : undefined
}
