// The web configuration file, in the format of Prometheus' exporter-toolkit, with bearer tokens, open paths and allowed
// addresses added. All problems are reported at once.

import { isIP } from 'node:net'
import { parse } from 'yaml'
import { ConfigError } from '../../config/config.ts'

const clientAuthTypes = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const
export type ClientAuthType = (typeof clientAuthTypes)[number]

const tlsVersions = ['TLS10', 'TLS11', 'TLS12', 'TLS13'] as const
export type TlsVersion = (typeof tlsVersions)[number]

export interface TlsConfig {
  readonly cert: PemSource
  readonly key: PemSource
  readonly clientAuthType: ClientAuthType
  readonly clientCa?: PemSource
  /** Unless empty, a client's certificate must have one of these names. */
  readonly clientAllowedSans: readonly string[]
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  readonly cipherSuites: readonly string[]
}

/** A file, or the text in the configuration itself. */
export type PemSource = { readonly file: string } | { readonly text: string }

export interface WebConfig {
  readonly tls?: TlsConfig
  readonly headers: Readonly<Record<string, string>>
  /** A token bucket of `burst` requests, refilled by one each `intervalMs`. */
  readonly rateLimit?: { readonly intervalMs: number; readonly burst: number }
  /** Bcrypt hashes by user. */
  readonly users: Readonly<Record<string, string>>
  /** SHA-256 of each token, in lower-case hex, by the name of its client. */
  readonly tokens: Readonly<Record<string, string>>
  /** Answered without user, token or client certificate. */
  readonly openPaths: readonly string[]
  /** Addresses and networks; empty: all. */
  readonly allowedAddresses: readonly string[]
}

/** Relative paths in the file are resolved by `resolve`. Throws a `ConfigError`. */
export function parseWebConfig(text: string, resolve: (path: string) => string): WebConfig {
  const check = createChecker()
  const file = check.mapping(parseYaml(text), '', [
    'tls_server_config',
    'http_server_config',
    'rate_limit',
    'basic_auth_users',
    'bearer_tokens',
    'open_paths',
    'allowed_addresses',
  ])
  const http = check.mapping(file.http_server_config, 'http_server_config', ['http2', 'headers'])
  const tls = isSet(file.tls_server_config) && tlsConfig(file.tls_server_config, resolve, check)
  const rateLimit = isSet(file.rate_limit) && rateLimitOf(file.rate_limit, check)
  const config: WebConfig = {
    ...(tls && { tls }),
    ...(rateLimit && { rateLimit }),
    headers: check.texts(http.headers, 'http_server_config.headers', 'a header', isHeader),
    users: check.texts(
      file.basic_auth_users,
      'basic_auth_users',
      'a bcrypt hash ($2a$, $2b$, $2y$)',
      isBcryptHash,
    ),
    tokens: check.texts(file.bearer_tokens, 'bearer_tokens', 'the SHA-256 of a token, in hex', isSha256),
    openPaths: check.list(file.open_paths, 'open_paths', 'a path', isPath) ?? ['/-/healthy', '/-/ready'],
    allowedAddresses:
      check.list(file.allowed_addresses, 'allowed_addresses', 'an address or a network', isNetwork) ?? [],
  }
  if (check.problems.length > 0) throw new ConfigError(check.problems)
  return config
}

function parseYaml(text: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    throw new ConfigError([`not YAML: ${(error as Error).message.split('\n')[0]}`])
  }
}

const isSet = (value: unknown) => value !== undefined

function tlsConfig(value: unknown, resolve: (path: string) => string, check: Checker): TlsConfig | undefined {
  const name = 'tls_server_config'
  const section = check.mapping(value, name, [
    'cert',
    'cert_file',
    'key',
    'key_file',
    'client_auth_type',
    'client_ca',
    'client_ca_file',
    'client_allowed_sans',
    'min_version',
    'max_version',
    'cipher_suites',
    'prefer_server_cipher_suites',
    'curve_preferences',
  ])
  const choice = <T extends string>(key: string, allowed: readonly T[], fallback: T): T => {
    const found = allowed.find((one) => one === (section[key] || fallback))
    if (!found) check.problems.push(`${name}.${key}: must be one of ${allowed.join(', ')}`)
    return found ?? fallback
  }
  const source = (key: string): PemSource | undefined => {
    const [text, file] = [section[key], section[`${key}_file`]]
    if (typeof text === 'string' && file === undefined) return { text }
    if (typeof file === 'string' && text === undefined) return { file: resolve(file) }
    if (isSet(text) || isSet(file)) check.problems.push(`${name}: either ${key} or ${key}_file, as text`)
    return undefined
  }
  const list = (key: string) => check.list(section[key], `${name}.${key}`, 'a text', () => true) ?? []

  const [cert, key, clientCa] = [source('cert'), source('key'), source('client_ca')]
  const clientAuthType = choice('client_auth_type', clientAuthTypes, 'NoClientCert')
  if (!cert) check.problems.push(`${name}.cert_file: missing`)
  if (!key) check.problems.push(`${name}.key_file: missing`)
  if (clientAuthType.includes('Verify') && !clientCa)
    check.problems.push(`${name}.client_ca_file: missing, and ${clientAuthType} needs it`)
  const minVersion = choice('min_version', tlsVersions, 'TLS12')
  const maxVersion = choice('max_version', tlsVersions, 'TLS13')
  if (tlsVersions.indexOf(maxVersion) < tlsVersions.indexOf(minVersion))
    check.problems.push(`${name}.max_version: must not be below min_version`)
  const settings = {
    ...{ clientAuthType, minVersion, maxVersion },
    clientAllowedSans: list('client_allowed_sans'),
    cipherSuites: list('cipher_suites'),
  }
  return cert && key && { cert, key, ...(clientCa && { clientCa }), ...settings }
}

const unitsMs = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
])

function rateLimitOf(value: unknown, check: Checker): WebConfig['rateLimit'] {
  const { interval, burst } = check.mapping(value, 'rate_limit', ['interval', 'burst'])
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(String(interval)) ?? []
  const intervalMs = Number(amount) * (unitsMs.get(unit) ?? Number.NaN)
  if (!(intervalMs > 0)) check.problems.push('rate_limit.interval: must be a duration such as 100ms or 1s')
  if (!Number.isInteger(burst) || (burst as number) < 1)
    check.problems.push('rate_limit.burst: must be a whole number above 0')
  return { intervalMs, burst: burst as number }
}

type Mapping = Readonly<Record<string, unknown>>
type Checker = ReturnType<typeof createChecker>

/** Reads values of unknown type. What is wrong with them is added to `problems`; secrets never are. */
function createChecker() {
  const problems: string[] = []

  function mapping(value: unknown, name: string, keys?: readonly string[]): Mapping {
    if (value === undefined || value === null) return {}
    if (typeof value !== 'object' || Array.isArray(value)) {
      problems.push(`${name || 'the file'}: must be a mapping`)
      return {}
    }
    for (const key of Object.keys(value))
      if (keys && !keys.includes(key))
        problems.push(`${name ? `${name}.` : ''}${key}: no such setting; there are ${keys.join(', ')}`)
    return value as Mapping
  }
  return {
    problems,
    mapping,
    /** Any key with a text. */
    texts(value: unknown, name: string, what: string, test: (text: string, key: string) => boolean) {
      const texts = Object.entries(mapping(value, name)).map(([key, text]) => [key, String(text)] as const)
      for (const [key, text] of texts) if (!test(text, key)) problems.push(`${name}.${key}: must be ${what}`)
      return Object.fromEntries(texts)
    },
    list(value: unknown, name: string, what: string, test: (text: string) => boolean) {
      if (value === undefined || value === null) return undefined
      if (!Array.isArray(value)) problems.push(`${name}: must be a list`)
      const list = Array.isArray(value) ? value.map(String) : []
      for (const one of list) if (!test(one)) problems.push(`${name}: ${one} is not ${what}`)
      return list
    },
  }
}

const isHeader = (value: string, name: string) => /^[\w-]+$/.test(name) && /^[\x20-\x7e]*$/.test(value)
const isBcryptHash = (text: string) => /^\$2[aby]?\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/.test(text)
const isSha256 = (text: string) => /^[0-9a-f]{64}$/i.test(text)
const isPath = (text: string) => text.startsWith('/')

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const maxBits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  if (maxBits < 0 || rest.length > 0) return false
  return bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= maxBits)
}
