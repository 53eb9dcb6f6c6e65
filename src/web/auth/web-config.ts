// The web configuration file: the format of Prometheus' exporter-toolkit, which operators know, and what its
// users miss: paths left open, bearer tokens, an allow list of addresses. All errors at once.

import { isIP } from 'node:net'
import { parse } from 'yaml'

export const clientAuthTypes = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const
export type ClientAuthType = (typeof clientAuthTypes)[number]

export const tlsVersions = { TLS10: 'TLSv1', TLS11: 'TLSv1.1', TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const
export type TlsVersion = keyof typeof tlsVersions

export interface TlsConfig {
  readonly cert: Source
  readonly key: Source
  readonly clientAuthType: ClientAuthType
  readonly clientCa?: Source
  /** Where not empty, a client's certificate must bear one of them. */
  readonly clientAllowedSans: readonly string[]
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  readonly cipherSuites: readonly string[]
}

/** Named by a path, or written out in the file itself. */
export type Source = { readonly file: string } | { readonly text: string }

export interface WebConfig {
  readonly tls?: TlsConfig
  readonly headers: Readonly<Record<string, string>>
  /** At most `burst` requests at once, refilled by one each `interval` milliseconds. */
  readonly rateLimit?: { readonly interval: number; readonly burst: number }
  /** Bcrypt hashes by user. */
  readonly users: Readonly<Record<string, string>>
  /** SHA-256 of each token, in lower-case hex, by the name of who has it. */
  readonly tokens: Readonly<Record<string, string>>
  /** Answered without user, token or client certificate. */
  readonly openPaths: readonly string[]
  /** Addresses and networks that may ask at all; empty: everybody. */
  readonly allowedAddresses: readonly string[]
}

export class WebConfigError extends Error {
  override readonly name = 'WebConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

const defaultOpenPaths = ['/-/healthy', '/-/ready']

/** Relative paths in the file are resolved by `resolve`. */
export function parseWebConfig(text: string, resolve: (path: string) => string): WebConfig {
  const problems: string[] = []
  const top = readSection(parseYaml(text), '', topKeys, problems)
  const tls = top.tls_server_config === undefined ? undefined : tlsOf(top, resolve, problems)
  const http = readSection(top.http_server_config, 'http_server_config', ['http2', 'headers'], problems)
  const rateLimit = top.rate_limit === undefined ? undefined : rateOf(top.rate_limit, problems)
  const config: WebConfig = {
    ...(tls && { tls }),
    headers: textsOf(http.headers, 'http_server_config.headers', isHeader, 'a header', problems),
    ...(rateLimit && { rateLimit }),
    users: textsOf(
      top.basic_auth_users,
      'basic_auth_users',
      isBcrypt,
      'a bcrypt hash ($2a$, $2b$, $2y$)',
      problems,
    ),
    tokens: textsOf(top.bearer_tokens, 'bearer_tokens', isSha256, 'the SHA-256 of a token, in hex', problems),
    openPaths: listOf(top.open_paths, 'open_paths', isPath, 'a path', problems) ?? defaultOpenPaths,
    allowedAddresses:
      listOf(top.allowed_addresses, 'allowed_addresses', isNetwork, 'an address or a network', problems) ??
      [],
  }
  if (problems.length > 0) throw new WebConfigError(problems)
  return config
}

const topKeys = [
  'tls_server_config',
  'http_server_config',
  'rate_limit',
  'basic_auth_users',
  'bearer_tokens',
  'open_paths',
  'allowed_addresses',
]

function parseYaml(text: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    throw new WebConfigError([`not YAML: ${(error as Error).message.split('\n')[0]}`])
  }
}

type Section = Readonly<Record<string, unknown>>

function readSection(value: unknown, name: string, keys: readonly string[], problems: string[]): Section {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) {
    problems.push(`${name || 'the file'}: must be a mapping`)
    return {}
  }
  for (const key of Object.keys(value))
    if (!keys.includes(key))
      problems.push(`${name ? `${name}.` : ''}${key}: no such setting; there are ${keys.join(', ')}`)
  return value as Section
}

const tlsKeys = [
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
]

function tlsOf(top: Section, resolve: (path: string) => string, problems: string[]): TlsConfig | undefined {
  const name = 'tls_server_config'
  const section = readSection(top[name], name, tlsKeys, problems)
  const source = (key: string): Source | undefined => {
    const [text, file] = [section[key], section[`${key}_file`]]
    if (typeof text === 'string' && file === undefined) return { text }
    if (typeof file === 'string' && text === undefined) return { file: resolve(file) }
    if (text !== undefined || file !== undefined)
      problems.push(`${name}: either ${key} or ${key}_file, as text`)
    return undefined
  }
  const [cert, key, clientCa] = [source('cert'), source('key'), source('client_ca')]
  const clientAuthType = choice(
    section.client_auth_type,
    clientAuthTypes,
    'NoClientCert',
    `${name}.client_auth_type`,
    problems,
  )
  if (!cert) problems.push(`${name}.cert_file: missing`)
  if (!key) problems.push(`${name}.key_file: missing`)
  if (/Verify/.test(clientAuthType) && !clientCa)
    problems.push(`${name}.client_ca_file: missing, and ${clientAuthType} needs it`)
  const versions = Object.keys(tlsVersions) as TlsVersion[]
  const found = {
    clientAuthType,
    clientAllowedSans:
      listOf(section.client_allowed_sans, `${name}.client_allowed_sans`, () => true, 'a text', problems) ??
      [],
    minVersion: choice(section.min_version, versions, 'TLS12', `${name}.min_version`, problems),
    maxVersion: choice(section.max_version, versions, 'TLS13', `${name}.max_version`, problems),
    cipherSuites:
      listOf(section.cipher_suites, `${name}.cipher_suites`, () => true, 'a text', problems) ?? [],
  }
  return cert && key ? { cert, key, ...(clientCa && { clientCa }), ...found } : undefined
}

function choice<T extends string>(
  value: unknown,
  allowed: readonly T[],
  fallback: T,
  name: string,
  problems: string[],
): T {
  if (value === undefined || value === '') return fallback
  const found = allowed.find((one) => one === value)
  if (!found) problems.push(`${name}: must be one of ${allowed.join(', ')}`)
  return found ?? fallback
}

function rateOf(value: unknown, problems: string[]): WebConfig['rateLimit'] {
  const { interval, burst } = readSection(value, 'rate_limit', ['interval', 'burst'], problems)
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(String(interval))
  const ms = Number(match?.[1]) * ({ ms: 1, s: 1000, m: 60_000 }[match?.[2] ?? ''] ?? 1)
  if (!(ms > 0)) problems.push('rate_limit.interval: must be a duration such as 100ms or 1s')
  if (!Number.isInteger(burst) || (burst as number) < 1)
    problems.push('rate_limit.burst: must be a whole number above 0')
  return { interval: ms, burst: burst as number }
}

type Test = (text: string, key: string) => boolean

function textsOf(value: unknown, name: string, test: Test, what: string, problems: string[]) {
  const section = readSection(value, name, Object.keys(value ?? {}), problems)
  const texts = Object.entries(section).map(([key, text]) => [key, String(text)] as const)
  for (const [key, text] of texts) if (!test(text, key)) problems.push(`${name}.${key}: must be ${what}`)
  return Object.fromEntries(texts)
}

function listOf(value: unknown, name: string, test: Test, what: string, problems: string[]) {
  if (value === undefined || value === null) return undefined
  const list = Array.isArray(value) ? value.map(String) : []
  if (!Array.isArray(value)) problems.push(`${name}: must be a list`)
  for (const one of list) if (!test(one, '')) problems.push(`${name}: ${one} is not ${what}`)
  return list
}

const isHeader: Test = (value, name) => /^[\w-]+$/.test(name) && /^[\x20-\x7e]*$/.test(value)
const isBcrypt: Test = (text) => /^\$2[aby]?\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/.test(text)
const isSha256: Test = (text) => /^[0-9a-f]{64}$/i.test(text)
const isPath: Test = (text) => text.startsWith('/')
const isNetwork: Test = (text) => {
  const [address = '', bits, ...rest] = text.split('/')
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  return rest.length === 0 && most > 0 && (bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= most))
}
