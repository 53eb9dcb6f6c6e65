// The configuration: environment variables only, as listed in options.ts. All errors are reported at once.

import { readFileSync } from 'node:fs'
import { redact } from '../http/credentials.ts'
import { promDuration } from '../promql/literals.ts'
import { nearMisses } from '../runtime/spelling.ts'
import { allOptions, type Option, options } from './options.ts'
import { InvalidValue, unquote } from './values.ts'

const names = allOptions.map(({ name }) => name)

type Table = typeof options
type Parsed = { readonly [K in keyof Table]: Value<Table[K]> }
/** Without a default it may be unset. */
type Value<O> =
  O extends Option<infer T> ? (O extends { readonly default: string } ? T : T | undefined) : never

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
    /** Shown in the log, on the status page and at /health. */
    warnings: readonly string[]
  }
>

/** All errors of a configuration, one per line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

type Environment = Readonly<Record<string, string | undefined>>

export function readConfig(
  environment: Environment,
  readFile = (path: string) => readFileSync(path, 'utf8'),
): Config {
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
      `SCRAPE_TIMEOUT=${promDuration(scrapeTimeoutMs)}: must not exceed SCRAPE_INTERVAL (${promDuration(values.scrapeIntervalMs)})`,
    )
  if (problems.length === 0 && values.peers.length > 0 && secret === undefined)
    problems.push('PEERS needs SSHPASS: agents connect to each other only if they share a secret')
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
    const given = givenValue(environment, option) ?? option.default
    if (given === undefined) continue
    try {
      values[key] = option.parse(given)
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error
      problems.push(`${option.name}=${option.secret ? '(hidden)' : redact(given)}: must be ${error.message}`)
    }
  }
  return values as Parsed
}

/** What the environment sets, if anything; an empty value counts as unset. */
export function givenValue(environment: Environment, option: { readonly name: string }): string | undefined {
  return unquote(environment[option.name] ?? '') || undefined
}

const minSecretLength = 8
const recommendedSecretLength = 16

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
    if (secret !== undefined && secret.length < minSecretLength)
      problems.push(
        `${name}=(hidden): must be at least ${minSecretLength} characters, better ${recommendedSecretLength} or more`,
      )
    return secret
  } catch (error) {
    problems.push(`${name}_FILE=${from}: must be a readable file (${(error as NodeJS.ErrnoException).code})`)
    return undefined
  }
}

function shortSecret(secret: string | undefined): string[] {
  if (secret === undefined || secret.length >= recommendedSecretLength) return []
  return [
    `SSHPASS is shorter than ${recommendedSecretLength} characters: anyone who reaches the SSH port can guess secrets offline. Use a longer one, such as the output of: openssl rand -base64 24`,
  ]
}

/** A warning for each of `given` that looks like a misspelt one of `names`. */
function misspelt(given: readonly string[], names: readonly string[]): string[] {
  return given
    .filter((one) => !names.includes(one))
    .flatMap((one) => {
      const similar = names.find((name) => looksLike(one, name))
      return similar ? [`${one} is not a variable of app-metrics-proxy; ${similar} is`] : []
    })
}

/** The same but for separators and case, or for one letter in a name that is long enough. */
function looksLike(given: string, name: string): boolean {
  const plain = (text: string) => text.toUpperCase().replaceAll(/[^A-Z0-9]/g, '')
  const [a, b] = [plain(given), plain(name)]
  return a === b || (b.length >= 7 && nearMisses(a, [b], 1).length > 0)
}
