// Configuration: environment variables only, read from one table. The table also makes
// docs/CONFIGURATION.md, and a test holds the two together.

import { readFileSync } from 'node:fs'
import { logLevels } from './telemetry.ts'

/** A value that isn't allowed; the message says what is. */
class Refused extends Error {}

interface Option<T> {
  readonly name: string
  /** The value as one would write it; `undefined`: unset. */
  readonly fallback: string | undefined
  readonly parse: (text: string) => T
  /** For the reference: what it does, in one or two sentences. */
  readonly about: string
  /** Never shown in a log, an error or a page. */
  readonly secret?: true
}

const seconds =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!/^\d*\.?\d+$/.test(text) || value < least || value > most)
      throw new Refused(`a number of seconds from ${least} to ${most}`)
    return value * 1000
  }

const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new Refused(`a whole number from ${least} to ${most}`)
    return value
  }

const bytes = (text: string): number => {
  const match = /^(\d+)\s*(|k|m|g)i?b?$/i.exec(text)
  const unit = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[(match?.[2] ?? '').toLowerCase()] ?? 1
  const value = Number(match?.[1]) * unit
  if (!match || value < 1024 || value > 2 ** 30) throw new Refused('a size from 1KiB to 1GiB, such as 16MiB')
  return value
}

const port = whole(1, 65_535)
const words = (text: string): readonly string[] => text.split(/[\s,]+/).filter((word) => word !== '')
const text = (value: string): string => value
const ports = (list: string): readonly number[] => {
  try {
    return words(list).map((word) => port(word))
  } catch {
    throw new Refused('ports from 1 to 65535, separated by spaces or commas')
  }
}

const flag = (value: string): boolean => {
  if (!/^(true|false)$/i.test(value)) throw new Refused('true or false')
  return value.toLowerCase() === 'true'
}

const path = (value: string): string => {
  if (!/^\/[^\s#]*$/.test(value)) throw new Refused('a path that begins with /')
  return value
}

const oneOf =
  <T extends string>(allowed: readonly T[]) =>
  (value: string): T => {
    const found = allowed.find((one) => one === value.toLowerCase())
    if (!found) throw new Refused(`one of ${allowed.join(', ')}`)
    return found
  }

const hostPort = (value: string): string => {
  if (!/^(\[[0-9a-f:.]+\]|[^\s:/[\]]+):\d{1,5}$/i.test(value)) throw new Refused('host:port')
  port(value.slice(value.lastIndexOf(':') + 1))
  return value
}

const labelName = (value: string): string => {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(value) || value.startsWith('__')) throw new Refused('a label name')
  return value
}

export interface StaticTarget {
  readonly name: string
  readonly url: string
}

const targets = (list: string): readonly StaticTarget[] => {
  const parsed = words(list).map((word) => {
    const cut = word.indexOf('=')
    const [name, url] = [word.slice(0, cut), word.slice(cut + 1)]
    if (cut < 1 || name.includes('/') || !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
      throw new Refused(
        'name=url pairs such as web=http://127.0.0.1:8080/metrics, separated by spaces or commas',
      )
    return { name, url }
  })
  const doubled = parsed.find(({ name }, at) => parsed.findIndex((one) => one.name === name) !== at)
  if (doubled) throw new Refused(`each name once (${doubled.name} stands twice)`)
  return parsed
}

const peers = (list: string): readonly string[] => words(list).map((word) => hostPort(word))

const dockerHost = (value: string): string => {
  if (!/^(unix:\/\/\/.+|tcp:\/\/.+:\d+)$/.test(value)) throw new Refused('unix:///path or tcp://host:port')
  return value
}

const maxAge = (value: string): number | 'off' => {
  if (value.toLowerCase() === 'off') return 'off'
  try {
    return seconds(0, 86_400)(value)
  } catch {
    throw new Refused('a number of seconds from 0 to 86400, or off')
  }
}

const file = (value: string): string => {
  if (!value.startsWith('/')) throw new Refused('an absolute path')
  return value
}

/** Keeps in the type whether an option has a fallback, and so always a value. */
const option = <T, F extends string | undefined>(row: Option<T> & { readonly fallback: F }) => row

/** All that can be configured, in the order of the reference. */
export const options = {
  scrapeInterval: option({
    name: 'SCRAPE_INTERVAL',
    fallback: '10',
    parse: seconds(0.1, 3600),
    about: 'Seconds between two scrapes of one container. A scrape that somebody asked for counts as one.',
  }),
  scrapeTimeout: option({
    name: 'SCRAPE_TIMEOUT',
    fallback: undefined,
    parse: seconds(0.05, 3600),
    about: 'Seconds that one scrape may take. Default and maximum: `SCRAPE_INTERVAL`.',
  }),
  metricsPath: option({
    name: 'METRICS_PATH',
    fallback: '/metrics',
    parse: path,
    about: 'The path at which containers show their metrics, where no label says otherwise.',
  }),
  ports: option({
    name: 'PORTS',
    fallback: '',
    parse: ports,
    about: 'Further ports to scan, after 80, 8080 and 9100, in this order. Separated by spaces or commas.',
  }),
  maxAge: option({
    name: 'MAX_AGE',
    fallback: '0.1',
    parse: maxAge,
    about:
      'Seconds. A request for metrics older than this makes the agent of that node scrape now. `off`: always answer from the cache.',
  }),
  staleAfter: option({
    name: 'STALE_AFTER',
    fallback: undefined,
    parse: seconds(0.1, 86_400),
    about:
      'Seconds that cached metrics may stand in for a node that cannot be asked; then 502. Default: 3 times `SCRAPE_INTERVAL`.',
  }),
  forgetAfter: option({
    name: 'FORGET_AFTER',
    fallback: '300',
    parse: seconds(1, 86_400),
    about: 'Seconds after which a lost node’s containers, and stopped ones, are forgotten.',
  }),
  listenPort: option({
    name: 'LISTEN_PORT',
    fallback: '2137',
    parse: port,
    about: 'The one port that Prometheus needs to reach, on IPv4 and IPv6.',
  }),
  sshPort: option({
    name: 'SSH_PORT',
    fallback: '2140',
    parse: port,
    about: 'The port on which agents talk with each other over SSH. Not to be published.',
  }),
  sshpass: option({
    name: 'SSHPASS',
    fallback: undefined,
    parse: text,
    secret: true,
    about:
      'The secret that all agents of a cluster share: at least 8 characters, better 16 and more. Required in Swarm.',
  }),
  sshpassFile: option({
    name: 'SSHPASS_FILE',
    fallback: undefined,
    parse: file,
    about: 'A file with the secret, such as a Docker secret. Safer than `SSHPASS`.',
  }),
  sshpassPrevious: option({
    name: 'SSHPASS_PREVIOUS',
    fallback: undefined,
    parse: text,
    secret: true,
    about: 'A further secret that is accepted while the secret is being changed.',
  }),
  sshpassPreviousFile: option({
    name: 'SSHPASS_PREVIOUS_FILE',
    fallback: undefined,
    parse: file,
    about: 'The same from a file.',
  }),
  peers: option({
    name: 'PEERS',
    fallback: '',
    parse: peers,
    about: 'Other agents as `host:port` (their `SSH_PORT`), where Swarm’s DNS cannot tell them.',
  }),
  dockerHost: option({
    name: 'DOCKER_HOST',
    fallback: undefined,
    parse: dockerHost,
    about:
      'Where the Docker API is: `unix:///path` or `tcp://host:port`. Default: `unix:///var/run/docker.sock`, unless only `TARGETS` is set.',
  }),
  targets: option({
    name: 'TARGETS',
    fallback: '',
    parse: targets,
    about: 'Fixed targets as `name=url`, for use without Docker or beside it.',
  }),
  nodeName: option({
    name: 'NODE_NAME',
    fallback: undefined,
    parse: text,
    about: 'What this node is called where neither Swarm nor Docker says it. Default: the hostname.',
  }),
  cluster: option({
    name: 'CLUSTER',
    fallback: undefined,
    parse: text,
    about:
      'The name of this cluster: the label `cluster` of each target. Default: the Swarm’s id, else the hostname.',
  }),
  advertise: option({
    name: 'ADVERTISE',
    fallback: undefined,
    parse: hostPort,
    about:
      'The `host:port` under which Prometheus reaches this agent or, better, all agents. Default: the node’s address and `LISTEN_PORT`.',
  }),
  replicaLabel: option({
    name: 'REPLICA_LABEL',
    fallback: 'slot',
    parse: labelName,
    about: 'The label that tells the replicas of a service apart on its page.',
  }),
  sdLabels: option({
    name: 'SD_LABELS',
    fallback: '',
    parse: words,
    about:
      'Further container and service labels that may leave the node, with `*` as the last character for a prefix.',
  }),
  verifyTls: option({
    name: 'VERIFY_TLS',
    fallback: 'false',
    parse: flag,
    about: 'Whether the certificates of containers that speak HTTPS are verified.',
  }),
  maxBody: option({
    name: 'MAX_BODY',
    fallback: '16MiB',
    parse: bytes,
    about: 'The largest page that is read from a container, unpacked.',
  }),
  maxSeries: option({
    name: 'MAX_SERIES',
    fallback: '500000',
    parse: whole(1, 100_000_000),
    about: 'The most series that are taken from one container.',
  }),
  webConfigFile: option({
    name: 'WEB_CONFIG_FILE',
    fallback: undefined,
    parse: file,
    about: 'TLS, users and limits for the web port, in the format of Prometheus’ exporter-toolkit.',
  }),
  logLevel: option({
    name: 'LOG_LEVEL',
    fallback: 'info',
    parse: oneOf(logLevels),
    about: 'One of `debug`, `info`, `warn`, `error`, `silent`.',
  }),
} satisfies Record<string, Option<unknown>>

type Table = typeof options
type Parsed = { readonly [K in keyof Table]: Value<Table[K]> }
type Value<O> =
  O extends Option<infer T> ? (O extends { readonly fallback: string } ? T : T | undefined) : never

export type Config = Readonly<
  Omit<
    Parsed,
    'scrapeTimeout' | 'staleAfter' | 'sshpass' | 'sshpassFile' | 'sshpassPrevious' | 'sshpassPreviousFile'
  > & {
    scrapeTimeout: number
    staleAfter: number
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
  const scrapeTimeout = values.scrapeTimeout ?? values.scrapeInterval
  if (scrapeTimeout > values.scrapeInterval)
    problems.push(
      `SCRAPE_TIMEOUT=${scrapeTimeout / 1000}: must not exceed SCRAPE_INTERVAL (${values.scrapeInterval / 1000})`,
    )
  if (problems.length > 0) throw new ConfigError(problems)

  const { sshpass, sshpassFile, sshpassPrevious, sshpassPreviousFile, ...rest } = values
  return Object.freeze({
    ...rest,
    scrapeTimeout,
    staleAfter: values.staleAfter ?? 3 * values.scrapeInterval,
    secret,
    previousSecret,
    warnings: [...shortSecret(secret), ...misspelt(environment)],
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
      problems.push(`${option.name}=${option.secret ? '(hidden)' : given}: must be ${error.message}`)
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

function misspelt(environment: Environment): string[] {
  const names = Object.values(options).map(({ name }) => name)
  return Object.keys(environment)
    .filter((given) => !names.includes(given))
    .flatMap((given) => {
      const meant = names.find((name) => looksLike(given, name))
      return meant ? [`${given} is not a variable of app-metrics-proxy; ${meant} is`] : []
    })
}

/** Alike but for separators and case, or one letter missing, added, changed or swapped in a name long enough to tell. */
function looksLike(given: string, name: string): boolean {
  const plain = (text: string) => text.toUpperCase().replaceAll(/[^A-Z0-9]/g, '')
  const [a, b] = [plain(given), plain(name)]
  return a === b || (b.length >= 7 && oneEditApart(a, b))
}

function oneEditApart(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start += 1
  const [restA, restB] = [a.slice(start), b.slice(start)]
  return (
    restA.slice(1) === restB ||
    restA === restB.slice(1) ||
    restA.slice(1) === restB.slice(1) ||
    (restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2))
  )
}
