// Parsers of the texts of variables and labels. Each throws `InvalidValue` with what is allowed.

import { splitCredentials } from '../http/credentials.ts'
import { durationOf, promDuration } from '../promql/literals.ts'

/** The message completes the sentence "must be …". */
export class InvalidValue extends Error {}

/** Docker Compose's list form passes on the quotes around a value. */
export function unquote(text: string): string {
  return /^\s*(["'])(.*)\1\s*$/s.exec(text)?.[2] ?? text.trim()
}

/** In milliseconds: Prometheus’ own notation (`1m30s`), or a bare number of seconds (`15`, `0.5`). */
export function looseDuration(text: string): number | undefined {
  return /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Math.round(Number(text) * 1000) : durationOf(text)
}

export const duration =
  (minMs: number, maxMs: number) =>
  (text: string): number => {
    const value = looseDuration(text)
    if (value === undefined || value < minMs || value > maxMs)
      throw new InvalidValue(
        `a duration from ${promDuration(minMs)} to ${promDuration(maxMs)}, such as 15s or 1m30s, or a number of seconds`,
      )
    return value
  }

export const integer =
  (min: number, max: number, what = 'a whole number') =>
  (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new InvalidValue(`${what} from ${min} to ${max}`)
    return value
  }

export const bytes = (text: string): number => {
  const match = /^(\d+)\s*(|k|m|g)i?b?$/i.exec(text)
  const unit = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[(match?.[2] ?? '').toLowerCase()] ?? 1
  const value = Number(match?.[1]) * unit
  if (!match || value < 1024 || value > 2 ** 30)
    throw new InvalidValue('a size from 1KiB to 1GiB, such as 16MiB')
  return value
}

export const port = integer(1, 65_535, 'a port')
export const list = (text: string): readonly string[] => text.split(/[\s,]+/).filter((word) => word !== '')
export const string = (value: string): string => value
export const ports = (value: string): readonly number[] => {
  try {
    return list(value).map((word) => port(word))
  } catch {
    throw new InvalidValue('ports from 1 to 65535, separated by spaces or commas')
  }
}

/** A label without a value is true. */
export const boolean = (value: string): boolean => {
  if (/^(|true|yes|on|1)$/i.test(value)) return true
  if (/^(false|no|off|0)$/i.test(value)) return false
  throw new InvalidValue('true or false')
}

const maxLength = 1024

export const path = (value: string): string => {
  const full = value.startsWith('/') ? value : `/${value}`
  if (/[\s#\\\x00-\x1f\x7f]/.test(full) || full.startsWith('//') || full.length > maxLength)
    throw new InvalidValue('a path such as /metrics')
  return full
}

export const pathSegment = (value: string): string => {
  if (!/^[\w.-]{1,255}$/.test(value) || /^\.+$/.test(value) || value === '-')
    throw new InvalidValue('letters, digits, dots, dashes and underscores')
  return value
}

/** One line of any text. */
export const line = (value: string): string => {
  if (/[\x00-\x1f\x7f]/.test(value) || value.length > maxLength || !value.isWellFormed())
    throw new InvalidValue(`one line of at most ${maxLength} characters`)
  return value
}

export const oneOf =
  <T extends string>(allowed: readonly T[]) =>
  (value: string): T => {
    const found = allowed.find((one) => one === value.toLowerCase())
    if (!found) throw new InvalidValue(`one of ${allowed.join(', ')}`)
    return found
  }

export const hostPort = (value: string): string => {
  if (!/^(\[[0-9a-f:.]+\]|[^\s:/[\]]+):\d{1,5}$/i.test(value)) throw new InvalidValue('host:port')
  port(value.slice(value.lastIndexOf(':') + 1))
  return value
}

export const labelName = (value: string): string => {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]{0,127}$/.test(value) || value.startsWith('__'))
    throw new InvalidValue('a label name that doesn’t begin with __')
  return value
}

export interface StaticTarget {
  readonly name: string
  /** Without user and password: safe to show. */
  readonly url: string
  /** Sent with each request for this URL only. */
  readonly authorization?: string
}

export const targets = (value: string): readonly StaticTarget[] => {
  const parsed = list(value).map((word) => {
    const cut = word.indexOf('=')
    const [name, given] = [word.slice(0, cut), URL.parse(word.slice(cut + 1))]
    if (cut < 1 || name.includes('/') || !given || !/^https?:$/.test(given.protocol))
      throw new InvalidValue(
        'name=url pairs such as web=http://127.0.0.1:8080/metrics, separated by spaces or commas',
      )
    const { url, ...credentials } = splitCredentials(given)
    return { name, url: url.href, ...credentials }
  })
  const repeated = parsed.find(({ name }, at) => parsed.findIndex((one) => one.name === name) !== at)
  if (repeated) throw new InvalidValue(`each name once (${repeated.name} is there twice)`)
  const ambiguous = parsed.find(({ url, authorization }) =>
    parsed.some((one) => one.url === url && one.authorization !== authorization),
  )
  if (ambiguous) throw new InvalidValue(`one user and password for each URL (${ambiguous.url} has several)`)
  return parsed
}

export const peers = (value: string): readonly string[] => list(value).map((word) => hostPort(word))

export const dockerHost = (value: string): string => {
  if (!/^(unix:\/\/\/.+|tcp:\/\/[^\s/@]+:\d+)$/.test(value))
    throw new InvalidValue('unix:///path or tcp://host:port')
  return value
}

export const durationOrOff =
  (minMs: number, maxMs: number) =>
  (text: string): number | 'off' => {
    if (text.toLowerCase() === 'off') return 'off'
    try {
      return duration(minMs, maxMs)(text)
    } catch (error) {
      throw new InvalidValue(`${(error as InvalidValue).message}, or off`)
    }
  }

export const file = (value: string): string => {
  if (!value.startsWith('/')) throw new InvalidValue('an absolute path')
  return value
}
