import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../../src/config/config.ts'
import { allOptions } from '../../src/config/options.ts'

const read = (environment: Record<string, string>, files: Record<string, string> = {}) =>
  readConfig(environment, (path) => {
    if (files[path] === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
    return files[path]
  })

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    read(environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test.each(allOptions)('$name has an example that is accepted and not the default', (option) => {
  expect(() => option.parse(option.example)).not.toThrow()
  expect(option.example).not.toBe(option.default)
})

describe('what is read', () => {
  test('an empty environment gives the documented defaults', () => {
    expect(read({})).toMatchObject({
      scrapeIntervalMs: 10_000,
      scrapeTimeoutMs: 10_000,
      staleAfterMs: 30_000,
      forgetAfterMs: 300_000,
      maxAgeMs: 100,
      metricsPath: '/metrics',
      ports: [],
      listenPort: 2137,
      sshPort: 2140,
      maxBodyBytes: 16 * 2 ** 20,
      warnings: [],
    })
  })

  test.each([
    ['literal quotes, as a Compose list hands them on', { PORTS: '"443 1201"' }, { ports: [443, 1201] }],
    ['single quotes', { METRICS_PATH: "'/x'" }, { metricsPath: '/x' }],
    ['ports with commas, spaces or both', { PORTS: '1, 2  3,4' }, { ports: [1, 2, 3, 4] }],
    ['an empty value as unset', { SCRAPE_INTERVAL: '' }, { scrapeIntervalMs: 10_000 }],
    ['a duration with units', { SCRAPE_INTERVAL: '1m30s' }, { scrapeIntervalMs: 90_000 }],
    ['MAX_AGE in milliseconds', { MAX_AGE: '250ms' }, { maxAgeMs: 250 }],
    ['fractions of seconds', { SCRAPE_INTERVAL: '0.5' }, { scrapeIntervalMs: 500, staleAfterMs: 1500 }],
    ['MAX_AGE=off', { MAX_AGE: 'OFF' }, { maxAgeMs: 'off' }],
    ['sizes with units', { MAX_BODY: '64kb' }, { maxBodyBytes: 65_536 }],
    [
      'peers by IPv6',
      { PEERS: '[::1]:2140,b:1', SSHPASS: 'long enough to be good' },
      { peers: ['[::1]:2140', 'b:1'] },
    ],
    [
      'targets',
      { TARGETS: 'web=http://127.0.0.1:8080/metrics,db=https://db:9187/' },
      {
        targets: [
          { name: 'web', url: 'http://127.0.0.1:8080/metrics' },
          { name: 'db', url: 'https://db:9187/' },
        ],
      },
    ],
  ])('%s', (_, environment, expected) => {
    expect(read(environment as Record<string, string>)).toMatchObject(expected)
  })

  test('the secret comes from a file, without its final newline', () => {
    const config = read(
      { SSHPASS_FILE: '/run/secrets/sshpass' },
      { '/run/secrets/sshpass': 'a long enough secret\n' },
    )
    expect(config.secret).toBe('a long enough secret')
    expect(config.warnings).toEqual([])
  })

  test('the result is frozen', () => {
    expect(Object.isFrozen(read({}))).toBe(true)
  })
})

describe('an invalid value is refused with what is allowed', () => {
  test.each([
    ...['0', '50ms', '2h', '10 seconds', '-1', '1e3', '1.5m'].map((interval): [object, string] => [
      { SCRAPE_INTERVAL: interval },
      `SCRAPE_INTERVAL=${interval}: must be a duration from 100ms to 3600s, such as 15s or 1m30s, or a number of seconds`,
    ]),
    [
      { SCRAPE_INTERVAL: '5', SCRAPE_TIMEOUT: '6' },
      'SCRAPE_TIMEOUT=6s: must not exceed SCRAPE_INTERVAL (5s)',
    ],
    [{ METRICS_PATH: '//metrics' }, 'METRICS_PATH=//metrics: must be a path such as /metrics'],
    [{ PORTS: '80 http' }, 'PORTS=80 http: must be ports from 1 to 65535, separated by spaces or commas'],
    [
      { MAX_AGE: 'never' },
      'MAX_AGE=never: must be a duration from 0s to 86400s, such as 15s or 1m30s, or a number of seconds, or off',
    ],
    [{ LISTEN_PORT: '65536' }, 'LISTEN_PORT=65536: must be a port from 1 to 65535'],
    [{ SSHPASS: 'short' }, 'SSHPASS=(hidden): must be at least 8 characters, better 16 or more'],
    [{ SSHPASS_FILE: '/nowhere' }, 'SSHPASS_FILE=/nowhere: must be a readable file (ENOENT)'],
    [
      { SSHPASS: 'long enough secret', SSHPASS_FILE: '/x' },
      'SSHPASS and SSHPASS_FILE: only one of them may be set',
    ],
    [
      { PEERS: 'node2:2140' },
      'PEERS needs SSHPASS: agents connect to each other only if they share a secret',
    ],
    [{ PEERS: 'node2' }, 'PEERS=node2: must be host:port'],
    [
      { TARGETS: 'web' },
      'TARGETS=web: must be name=url pairs such as web=http://127.0.0.1:8080/metrics, separated by spaces or commas',
    ],
    [
      { TARGETS: 'a=http://x/ a=http://y/' },
      'TARGETS=a=http://x/ a=http://y/: must be each name once (a is there twice)',
    ],
    [
      { TARGETS: 'a=http://u:hunter2@x/ b=http://x/' },
      'TARGETS=a=http://(hidden)@x/ b=http://x/: must be one user and password for each URL (http://x/ has several)',
    ],
    [{ DOCKER_HOST: 'ssh://x' }, 'DOCKER_HOST=ssh://x: must be unix:///path or tcp://host:port'],
    [{ REPLICA_LABEL: '__x' }, 'REPLICA_LABEL=__x: must be a label name that doesn’t begin with __'],
    [{ MAX_BODY: '1' }, 'MAX_BODY=1: must be a size from 1KiB to 1GiB, such as 16MiB'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL=loud: must be one of debug, info, warn, error, silent'],
    [{ VERIFY_TLS: 'maybe' }, 'VERIFY_TLS=maybe: must be true or false'],
    [{ ADVERTISE: 'prod.example.org' }, 'ADVERTISE=prod.example.org: must be host:port'],
  ])('%o', (environment, problem) => {
    expect(problemsOf(environment as unknown as Record<string, string>)).toEqual([problem])
  })

  test('all errors at once', () => {
    expect(problemsOf({ PORTS: 'x', LISTEN_PORT: 'y', SSH_PORT: 'z' })).toHaveLength(3)
  })

  test.each([
    { SSHPASS: 'hunter2', SSHPASS_PREVIOUS: 'hunter3' },
    { SSHPASS_FILE: 'hunter2 which is no path' },
    { SSHPASS_PREVIOUS_FILE: 'hunter2' },
    { TARGETS: 'a=http://alice:hunter2@x:99999/ b=ftp://bob:hunter3@y/' },
    { TARGETS: 'a=alice:hunter2@x/metrics' },
    { TARGETS: 'a=http://alice:hunter 2@x/' },
    { PEERS: 'alice:hunter2@node2:2140' },
    { DOCKER_HOST: 'tcp://alice:hunter2@docker:2375' },
    { ADVERTISE: 'http://alice:hunter2@x:1' },
    { WEB_CONFIG_FILE: 'http://alice:hunter2@x:1' },
    { NODE_NAME: 'http://alice:hunter2@x:1', PORTS: 'x' },
  ])('a secret is never shown: %o', (environment) => {
    const problems = problemsOf(environment as unknown as Record<string, string>)
    expect(problems).not.toEqual([])
    expect(problems.join()).not.toMatch(/hunter|alice|bob/)
  })
})

describe('what is warned about', () => {
  test.each([
    ['SCRAP_INTERVAL', 'SCRAPE_INTERVAL'],
    ['SCRAPEINTERVAL', 'SCRAPE_INTERVAL'],
    ['METRIC_PATH', 'METRICS_PATH'],
    ['SSH_PASS', 'SSHPASS'],
    ['scrape_interval', 'SCRAPE_INTERVAL'],
    ['LSITEN_PORT', 'LISTEN_PORT'],
    ['TARGET', 'TARGETS'],
  ])('%s gets a warning that names %s', (given, meant) => {
    expect(read({ [given]: '1' }).warnings).toEqual([
      `${given} is not a variable of app-metrics-proxy; ${meant} is`,
    ])
  })

  test.each(['PATH', 'HOME', 'HOSTNAME', 'PORT', 'NODE_ENV', 'NODE_VERSION', 'SUPPORTS', 'DOCKER_CERT_PATH'])(
    '%s is somebody else’s',
    (given) => {
      expect(read({ [given]: 'x' }).warnings).toEqual([])
    },
  )

  test('a short secret', () => {
    expect(read({ SSHPASS: 'ten-chars!' }).warnings[0]).toMatch(/^SSHPASS is shorter than 16 characters/)
  })
})

test('every option explains itself, once', () => {
  const names = allOptions.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const { description } of allOptions) expect(description).toMatch(/\.$/)
})
