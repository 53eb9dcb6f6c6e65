// What a label's text may be. Each parser takes trimmed text: it says what is allowed, or nothing where
// an empty text says nothing.

import { durationOf } from '../promql/text.ts'

/** The message completes the sentence "must be …". */
export class Refused extends Error {}

export type Parse<T> = (text: string) => T | undefined

/** An empty value is an unset one. */
const filled =
  <T>(parse: (text: string) => T): Parse<T> =>
  (text) =>
    text === '' ? undefined : parse(text)

const longest = 1024

/** The mere presence of a flag says yes. */
export const flag: Parse<boolean> = (text) => {
  if (/^(|true|yes|on|1)$/i.test(text)) return true
  if (/^(false|no|off|0)$/i.test(text)) return false
  throw new Refused('true or false')
}

export const port = filled<number>((text) => {
  const value = Number(text)
  if (!/^\d{1,5}$/.test(text) || value < 1 || value > 65_535) throw new Refused('a port from 1 to 65535')
  return value
})

export const path = filled<string>((text) => {
  const whole = text.startsWith('/') ? text : `/${text}`
  if (/[\s#\\\x00-\x1f\x7f]/.test(whole) || whole.startsWith('//') || whole.length > longest)
    throw new Refused('a path such as /metrics')
  return whole
})

export const scheme = filled<'http' | 'https'>((text) => {
  const lower = text.toLowerCase()
  if (lower !== 'http' && lower !== 'https') throw new Refused('http or https')
  return lower
})

export const pathSegment = filled<string>((text) => {
  if (!/^[\w.-]{1,255}$/.test(text) || /^\.+$/.test(text) || text === '-')
    throw new Refused('letters, digits, dots, dashes and underscores')
  return text
})

/** Any text that fits into one line of a page. */
export const line = filled<string>((text) => {
  if (/[\x00-\x1f\x7f]/.test(text) || text.length > longest || !text.isWellFormed())
    throw new Refused(`one line of at most ${longest} characters`)
  return text
})

export const labelName = (text: string): string => {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]{0,127}$/.test(text) || text.startsWith('__'))
    throw new Refused('a label name that doesn’t begin with __')
  return text
}

/** In milliseconds: Prometheus’ own notation (`1m30s`), or a bare number of seconds (`15`, `0.5`). */
export function looseDuration(text: string): number | undefined {
  return /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Math.round(Number(text) * 1000) : durationOf(text)
}

const day = 86_400_000

export const duration = filled<number>((text) => {
  const value = looseDuration(text)
  if (value === undefined || value < 50 || value > day)
    throw new Refused('a duration from 50ms to 1d, such as 15s, or a number of seconds')
  return value
})

export const age = filled<number | 'off'>((text) => {
  if (text.toLowerCase() === 'off') return 'off'
  const value = looseDuration(text)
  if (value === undefined || value > day)
    throw new Refused('a duration from 0s to 1d, such as 30s, a number of seconds, or off')
  return value
})
