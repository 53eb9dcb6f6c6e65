// What a variable's text may be. Each parser says what is allowed by throwing `Refused`.

import { splitCredentials } from '../http/credentials.ts'

/** A value that isn't allowed. The message completes the sentence "must be …". */
export class Refused extends Error {}

export const seconds =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!/^\d*\.?\d+$/.test(text) || value < least || value > most)
      throw new Refused(`a number of seconds from ${least} to ${most}`)
    return value * 1000
  }

export const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new Refused(`a whole number from ${least} to ${most}`)
    return value
  }

export const bytes = (text: string): number => {
  const match = /^(\d+)\s*(|k|m|g)i?b?$/i.exec(text)
  const unit = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[(match?.[2] ?? '').toLowerCase()] ?? 1
  const value = Number(match?.[1]) * unit
  if (!match || value < 1024 || value > 2 ** 30) throw new Refused('a size from 1KiB to 1GiB, such as 16MiB')
  return value
}

export const port = whole(1, 65_535)
export const words = (text: string): readonly string[] => text.split(/[\s,]+/).filter((word) => word !== '')
export const text = (value: string): string => value
export const ports = (list: string): readonly number[] => {
  try {
    return words(list).map((word) => port(word))
  } catch {
    throw new Refused('ports from 1 to 65535, separated by spaces or commas')
  }
}

export const flag = (value: string): boolean => {
  if (!/^(true|false)$/i.test(value)) throw new Refused('true or false')
  return value.toLowerCase() === 'true'
}

export const path = (value: string): string => {
  if (!/^\/[^\s#]*$/.test(value)) throw new Refused('a path that begins with /')
  return value
}

export const oneOf =
  <T extends string>(allowed: readonly T[]) =>
  (value: string): T => {
    const found = allowed.find((one) => one === value.toLowerCase())
    if (!found) throw new Refused(`one of ${allowed.join(', ')}`)
    return found
  }

export const hostPort = (value: string): string => {
  if (!/^(\[[0-9a-f:.]+\]|[^\s:/[\]]+):\d{1,5}$/i.test(value)) throw new Refused('host:port')
  port(value.slice(value.lastIndexOf(':') + 1))
  return value
}

export const labelName = (value: string): string => {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(value) || value.startsWith('__')) throw new Refused('a label name')
  return value
}

export interface StaticTarget {
  readonly name: string
  /** Without user and password, so that whoever has it may show it. */
  readonly url: string
  /** Sent with each request for the URL, and to nobody else. */
  readonly authorization?: string
}

export const targets = (list: string): readonly StaticTarget[] => {
  const parsed = words(list).map((word) => {
    const cut = word.indexOf('=')
    const [name, given] = [word.slice(0, cut), URL.parse(word.slice(cut + 1))]
    if (cut < 1 || name.includes('/') || !given || !/^https?:$/.test(given.protocol))
      throw new Refused(
        'name=url pairs such as web=http://127.0.0.1:8080/metrics, separated by spaces or commas',
      )
    const { url, ...credentials } = splitCredentials(given)
    return { name, url: url.href, ...credentials }
  })
  const doubled = parsed.find(({ name }, at) => parsed.findIndex((one) => one.name === name) !== at)
  if (doubled) throw new Refused(`each name once (${doubled.name} stands twice)`)
  const torn = parsed.find(({ url, authorization }) =>
    parsed.some((one) => one.url === url && one.authorization !== authorization),
  )
  if (torn) throw new Refused(`one user and password for each URL (${torn.url} has several)`)
  return parsed
}

export const peers = (list: string): readonly string[] => words(list).map((word) => hostPort(word))

export const dockerHost = (value: string): string => {
  if (!/^(unix:\/\/\/.+|tcp:\/\/[^\s/@]+:\d+)$/.test(value))
    throw new Refused('unix:///path or tcp://host:port')
  return value
}

export const maxAgeMs = (value: string): number | 'off' => {
  if (value.toLowerCase() === 'off') return 'off'
  try {
    return seconds(0, 86_400)(value)
  } catch {
    throw new Refused('a number of seconds from 0 to 86400, or off')
  }
}

export const file = (value: string): string => {
  if (!value.startsWith('/')) throw new Refused('an absolute path')
  return value
}
