// Timestamps: whole milliseconds in the text format and in Prometheus, seconds in OpenMetrics.

import { floatOf } from './number.ts'

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
