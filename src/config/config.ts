// Configuration: environment variables only, read from one table (config/options.ts). All errors at once.

import { readFileSync } from 'node:fs'
import { redact } from '../http/credentials.ts'
import { misspelt } from './misspelt.ts'
import { type Option, options } from './options.ts'
import { Refused } from './values.ts'

const names = Object.values(options).map(({ name }) => name)

type Table = typeof options
type Parsed = { readonly [K in keyof Table]: Value<Table[K]> }
type Value<O> =
  O extends Option<infer T> ? (O extends { readonly fallback: string } ? T : T | undefined) : never

export type Config = Readonly<
  Omit<
    Parsed,
    'scrapeTimeoutMs' | 'staleAfterMs' | 'sshpass' | 'sshpassFile' | 'sshpassPrevious' | 'sshpassPreviousFile'
  > & {
    scrapeTimeoutMs: number
    staleAfterMs: number
    /** The cluster's secret, wherever it came from. */
    secret: string | undefined
    previousSecret: string | undefined
    /** What deserves a person's attention but stops nothing. Shown wherever warnings show. */
    warnings: readonly string[]
  }
>

/** All errors of a configuration at once, one a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

type Environment = Readonly<Record<string, string | undefined>>

export function readConfig(environment: Environment, readFile = readText): Config {
  const problems: string[] = []
  const values = readTable(environment, problems)
  const secret = readSecret('SSHPASS', values.sshpass, values.sshpassFile, readFile, problems)
  const previousSecret = readSecret(
    'SSHPASS_PREVIOUS',
    values.sshpassPrevious,
    values.sshpassPreviousFile,
    readFile,
    problems,
  )
  const scrapeTimeoutMs = values.scrapeTimeoutMs ?? values.scrapeIntervalMs
  if (scrapeTimeoutMs > values.scrapeIntervalMs)
    problems.push(
      `SCRAPE_TIMEOUT=${scrapeTimeoutMs / 1000}: must not exceed SCRAPE_INTERVAL (${values.scrapeIntervalMs / 1000})`,
    )
  if (problems.length === 0 && values.peers.length > 0 && secret === undefined)
    problems.push('PEERS needs SSHPASS: agents talk with each other only if they share a secret')
  if (problems.length > 0) throw new ConfigError(problems)

  const { sshpass, sshpassFile, sshpassPrevious, sshpassPreviousFile, ...rest } = values
  return Object.freeze({
    ...rest,
    scrapeTimeoutMs,
    staleAfterMs: values.staleAfterMs ?? 3 * values.scrapeIntervalMs,
    secret,
    previousSecret,
    warnings: [...shortSecret(secret), ...misspelt(Object.keys(environment), names)],
  })
}

function readTable(environment: Environment, problems: string[]): Parsed {
  const values: Record<string, unknown> = {}
  for (const [key, option] of Object.entries<Option<unknown>>(options)) {
    const given = unquote(environment[option.name]) ?? option.fallback
    if (given === undefined) continue
    try {
      values[key] = option.parse(given)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      problems.push(`${option.name}=${option.secret ? '(hidden)' : redact(given)}: must be ${error.message}`)
    }
  }
  return values as Parsed
}

/** Compose's list form hands on the quotes round a value; an empty value is an unset one. */
function unquote(value: string | undefined): string | undefined {
  const bare = /^\s*(["'])(.*)\1\s*$/s.exec(value ?? '')?.[2] ?? value?.trim()
  return bare === '' ? undefined : bare
}

const leastSecret = 8
const goodSecret = 16

function readSecret(
  name: string,
  value: string | undefined,
  from: string | undefined,
  readFile: (path: string) => string,
  problems: string[],
): string | undefined {
  if (value !== undefined && from !== undefined) {
    problems.push(`${name} and ${name}_FILE: only one of them may be set`)
    return undefined
  }
  try {
    const secret = from === undefined ? value : readFile(from).replace(/\r?\n$/, '')
    if (secret !== undefined && secret.length < leastSecret)
      problems.push(
        `${name}=(hidden): must be at least ${leastSecret} characters, better ${goodSecret} and more`,
      )
    return secret
  } catch (error) {
    problems.push(`${name}_FILE=${from}: must be a readable file (${(error as NodeJS.ErrnoException).code})`)
    return undefined
  }
}

function readText(path: string): string {
  return readFileSync(path, 'utf8')
}

function shortSecret(secret: string | undefined): string[] {
  if (secret === undefined || secret.length >= goodSecret) return []
  return [
    `SSHPASS is shorter than ${goodSecret} characters: whoever reaches the SSH port can try secrets offline. Use a longer one, such as the output of: openssl rand -base64 24`,
  ]
}
