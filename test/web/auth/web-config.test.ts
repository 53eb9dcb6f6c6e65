import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../src/config/config.ts'
import { parseWebConfig, type WebConfig } from '../../../src/web/auth/web-config.ts'

const read = (text: string): WebConfig => parseWebConfig(text, (path) => `/etc/web/${path}`)

function problemsOf(text: string): readonly string[] {
  try {
    read(text)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

const hash = '$2b$04$e3se.XGB5Gqv5JfnxZdT3uoXr.ZxYc.mB2uLKoW7yOZfrk7pzZzuO'

describe('a valid file', () => {
  test('an empty file leaves everything open', () => {
    expect(read('')).toEqual({
      headers: {},
      users: {},
      tokens: {},
      openPaths: ['/-/healthy', '/-/ready'],
      allowedAddresses: [],
    })
  })

  test('all settings of the exporter-toolkit, and those added', () => {
    const config = read(`
tls_server_config:
  cert_file: cert.pem
  key_file: key.pem
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
  client_allowed_sans: [prometheus.example.org]
  min_version: TLS13
http_server_config:
  http2: true
  headers: { X-Frame-Options: deny }
rate_limit: { interval: 1s, burst: 20 }
basic_auth_users: { alice: "${hash}" }
bearer_tokens: { prometheus: ${'ab'.repeat(32)} }
open_paths: [/-/healthy]
allowed_addresses: [10.0.0.0/8, "2001:db8::/32", 192.0.2.7]
`)
    expect(config).toMatchObject({
      tls: {
        cert: { file: '/etc/web/cert.pem' },
        clientCa: { file: '/etc/web/ca.pem' },
        clientAuthType: 'RequireAndVerifyClientCert',
        minVersion: 'TLS13',
        maxVersion: 'TLS13',
      },
      headers: { 'X-Frame-Options': 'deny' },
      rateLimit: { intervalMs: 1000, burst: 20 },
      users: { alice: hash },
      openPaths: ['/-/healthy'],
      allowedAddresses: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.7'],
    })
  })
})

describe('problems', () => {
  test.each([
    ['a: [', /^not YAML: /],
    ['basic_auth_user: {}', /^basic_auth_user: no such setting; there are tls_server_config, /],
    ['basic_auth_users: { a: secret }', /^basic_auth_users\.a: must be a bcrypt hash/],
    ['bearer_tokens: { a: secret }', /^bearer_tokens\.a: must be the SHA-256 of a token, in hex$/],
    ['tls_server_config: { cert_file: a }', /^tls_server_config\.key_file: missing$/],
    [
      'tls_server_config: { cert_file: a, key_file: b, min_version: SSL3 }',
      /min_version: must be one of TLS10, /,
    ],
    [
      'tls_server_config: { cert_file: a, key_file: b, min_version: TLS13, max_version: TLS12 }',
      /^tls_server_config\.max_version: must not be below min_version$/,
    ],
    [
      'tls_server_config: { cert_file: a, key_file: b, client_auth_type: RequireAndVerifyClientCert }',
      /^tls_server_config\.client_ca_file: missing, and RequireAndVerifyClientCert needs it$/,
    ],
    ['rate_limit: { interval: 1, burst: 1 }', /^rate_limit\.interval: must be a duration/],
    [
      'allowed_addresses: [10.0.0.0/33]',
      /^allowed_addresses: 10\.0\.0\.0\/33 is not an address or a network$/,
    ],
    ['open_paths: [metrics]', /^open_paths: metrics is not a path$/],
    ['http_server_config: { headers: { "a b": c } }', /^http_server_config\.headers\.a b: must be a header$/],
    ['- a', /^the file: must be a mapping$/],
  ])('%s', (text, problem) => {
    expect(problemsOf(text)).toEqual([expect.stringMatching(problem)])
  })

  test('all problems at once, without the secrets', () => {
    const problems = problemsOf('basic_auth_users: { a: hunter2 }\nopen_paths: [x]\n')
    expect(problems).toHaveLength(2)
    expect(problems.join()).not.toMatch(/hunter2/)
  })
})
