// What the value of a label may be. Each parser takes trimmed text. It throws `InvalidLabel` with what is allowed;
// `undefined`: an empty value sets nothing.

import { durationOf } from '../promql/literals.ts'

/** The message completes the sentence "must be …". */
export class InvalidLabel extends Error {}

export type ParseValue<T> = (text: string) => T | undefined

const nonEmpty =
  <T>(parse: (text: string) => T): ParseValue<T> =>
  (text) =>
    text === '' ? undefined : parse(text)

const maxLength = 1024

/** A flag without a value is true. */
export const flag: ParseValue<boolean> = (text) => {
  if (/^(|true|yes|on|1)$/i.test(text)) return true
  if (/^(false|no|off|0)$/i.test(text)) return false
  throw new InvalidLabel('true or false')
}

export const port = nonEmpty<number>((text) => {
  const value = Number(text)
  if (!/^\d{1,5}$/.test(text) || value < 1 || value > 65_535) throw new InvalidLabel('a port from 1 to 65535')
  return value
})

export const path = nonEmpty<string>((text) => {
  const full = text.startsWith('/') ? text : `/${text}`
  if (/[\s#\\\x00-\x1f\x7f]/.test(full) || full.startsWith('//') || full.length > maxLength)
    throw new InvalidLabel('a path such as /metrics')
  return full
})

export const scheme = nonEmpty<'http' | 'https'>((text) => {
  const lower = text.toLowerCase()
  if (lower !== 'http' && lower !== 'https') throw new InvalidLabel('http or https')
  return lower
})

export const pathSegment = nonEmpty<string>((text) => {
  if (!/^[\w.-]{1,255}$/.test(text) || /^\.+$/.test(text) || text === '-')
    throw new InvalidLabel('letters, digits, dots, dashes and underscores')
  return text
})

/** One line of any text. */
export const line = nonEmpty<string>((text) => {
  if (/[\x00-\x1f\x7f]/.test(text) || text.length > maxLength || !text.isWellFormed())
    throw new InvalidLabel(`one line of at most ${maxLength} characters`)
  return text
})

export const labelName = (text: string): string => {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]{0,127}$/.test(text) || text.startsWith('__'))
    throw new InvalidLabel('a label name that doesn’t begin with __')
  return text
}

/** In milliseconds: Prometheus’ own notation (`1m30s`), or a bare number of seconds (`15`, `0.5`). */
export function looseDuration(text: string): number | undefined {
  return /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Math.round(Number(text) * 1000) : durationOf(text)
}

const dayMs = 86_400_000

export const duration = nonEmpty<number>((text) => {
  const value = looseDuration(text)
  if (value === undefined || value < 50 || value > dayMs)
    throw new InvalidLabel('a duration from 50ms to 1d, such as 15s, or a number of seconds')
  return value
})

export const maxAge = nonEmpty<number | 'off'>((text) => {
  if (text.toLowerCase() === 'off') return 'off'
  const value = looseDuration(text)
  if (value === undefined || value > dayMs)
    throw new InvalidLabel('a duration from 0s to 1d, such as 30s, a number of seconds, or off')
  return value
})
