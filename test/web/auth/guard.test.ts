// The guard of a real server: plain and over TLS, with real certificates.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type RequestOptions, request as requestTls } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { ConfigError } from '../../../src/config/config.ts'
import { createLog } from '../../../src/logging/log.ts'
import { createMetrics } from '../../../src/runtime/metrics.ts'
import type { Guard } from '../../../src/web/auth/guard.ts'
import { openGuard } from '../../../src/web/auth/guard.ts'
import { type Server, startServer } from '../../../src/web/server.ts'
import { selfSigned } from '../../helpers/certificate.ts'
import { virtualClock } from '../../helpers/clock.ts'
import { until } from '../../helpers/until.ts'
import { ask, type Response } from '../agent.ts'

let folder: string
const running: { stop(): Promise<void> }[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'guard-'))
})
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
  rmSync(folder, { recursive: true })
})

const log = createLog('silent')

function write(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
  return file
}

async function serve(config: string, clock = systemClock): Promise<Server & { readonly guard: Guard }> {
  const guard = openGuard({ file: write('web.yml', config), clock, log })
  running.push(guard)
  const server = await startServer({
    ...{ port: 0, host: '127.0.0.1', clock: systemClock, log, metrics: createMetrics() },
    guard,
    plugins: [
      (instance) => {
        instance.get('/metrics', (_request, reply) => reply.send('x 1\n'))
        instance.get('/-/healthy', (_request, reply) => reply.send('healthy\n'))
      },
    ],
  })
  running.push(server)
  return { ...server, guard }
}

const users = `basic_auth_users: { alice: "${hashSync('right', 4)}" }`
const token = createHash('sha256').update('sesame').digest('hex')
const basic = (pair: string) => ({
  headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` },
})

describe('users and tokens', () => {
  test.each([
    ['nobody', {}, 401],
    ['the right password', basic('alice:right'), 200],
    ['the wrong password', basic('alice:wrong'), 401],
    ['an unknown user', basic('bob:right'), 401],
    ['a user of the prototype', basic('__proto__:right'), 401],
    ['no colon', basic('alice'), 401],
    ['a known token', { headers: { authorization: 'Bearer sesame' } }, 200],
    [
      'a known token without a scheme, as Prometheus’ http_sd may send it',
      { headers: { authorization: 'sesame' } },
      200,
    ],
    ['an unknown token', { headers: { authorization: 'Bearer simsim' } }, 401],
    ['another scheme', { headers: { authorization: 'Digest x' } }, 401],
  ])('%s', async (_, request, status) => {
    const { port } = await serve(`${users}\nbearer_tokens: { prometheus: ${token} }`)
    expect((await ask(port, '/metrics', request)).status).toBe(status)
  })

  test('a password that was right once is not compared again, a wrong one after it still fails', async () => {
    const { port } = await serve(users)
    const statuses: number[] = []
    for (const pair of ['alice:right', 'alice:right', 'alice:wrong', 'alice:right'])
      statuses.push((await ask(port, '/metrics', basic(pair))).status)
    expect(statuses).toEqual([200, 200, 401, 200])
  })

  test('a client that is refused gets the challenge and the reason, and nothing else', async () => {
    const { port } = await serve(users)
    const answer = await ask(port, '/metrics')
    expect(answer.headers['www-authenticate']).toMatch(/^Basic realm=/)
    expect(answer.text).toBe('a user and password, or a token, is needed\n')
  })

  test('liveness stays open; unknown paths and other spellings of open ones do not', async () => {
    const { port } = await serve(users)
    const status = async (path: string) => (await ask(port, path)).status
    expect(await status('/-/healthy')).toBe(200)
    expect(await status('/-/healthy?x=1')).toBe(200)
    expect(await status('/nothing/here')).toBe(401)
    expect(await status('//-/healthy')).toBe(401)
    expect(await status('/-/healthy/../../metrics')).toBe(401)
  })
})

describe('addresses, headers and rate', () => {
  test('only allowed addresses are answered, also at open paths', async () => {
    const { port } = await serve('allowed_addresses: [192.0.2.0/24]')
    expect((await ask(port, '/metrics')).status).toBe(403)
    expect((await ask(port, '/-/healthy')).status).toBe(403)
    const open = await serve('allowed_addresses: [127.0.0.0/8]')
    expect((await ask(open.port, '/metrics')).status).toBe(200)
  })

  test('every response has the headers', async () => {
    const { port } = await serve('http_server_config: { headers: { X-Frame-Options: deny } }')
    expect((await ask(port, '/nothing')).headers['x-frame-options']).toBe('deny')
  })

  test('requests beyond the burst are refused until the bucket fills again', async () => {
    const clock = virtualClock()
    const { port } = await serve('rate_limit: { interval: 1s, burst: 2 }', clock)
    const statuses = async (count: number) => {
      const all: number[] = []
      for (let i = 0; i < count; i += 1) all.push((await ask(port, '/metrics')).status)
      return all
    }
    expect(await statuses(3)).toEqual([200, 200, 429])
    await clock.pass(1000)
    expect(await statuses(2)).toEqual([200, 429])
  })
})

describe('the rate', () => {
  const limited = 'rate_limit: { interval: 60s, burst: 2 }'
  const statuses = async (port: number, count: number, path = '/metrics', request = {}) => {
    const all: number[] = []
    for (let i = 0; i < count; i += 1) all.push((await ask(port, path, request)).status)
    return all
  }

  test('is not used up by addresses that are not allowed', async () => {
    const clock = virtualClock()
    const { port } = await serve(`${limited}\nallowed_addresses: [192.0.2.1]`, clock)
    expect(await statuses(port, 5)).toEqual([403, 403, 403, 403, 403])
    write('web.yml', `${limited}\nallowed_addresses: [127.0.0.1]`)
    await clock.pass(5000)
    expect(await statuses(port, 3)).toEqual([200, 200, 429])
  })

  test.each([
    ['a wrong password', '/metrics', basic('alice:wrong'), 401],
    ['no password', '/metrics', {}, 401],
    ['open paths', '/-/healthy', {}, 200],
  ])('used up by %s is not that of verified clients', async (_, path, request, status) => {
    const { port } = await serve(`${limited}\n${users}`)
    expect(await statuses(port, 1, '/metrics', basic('alice:right'))).toEqual([200])
    expect(await statuses(port, 3, path, request)).toEqual([status, 429, 429])
    expect(await statuses(port, 3, '/metrics', basic('alice:right'))).toEqual([200, 200, 429])
  })
})

describe('sixty clients that try wrong passwords all the time', () => {
  /** Until aborted. Returns how many were answered 401 so far. */
  function attack(port: number, signal: AbortSignal): () => number {
    let refused = 0
    const attempt = async (client: number) => {
      for (let n = 0; !signal.aborted; n += 1) {
        const { status } = await ask(port, '/metrics', basic(`alice:${client} ${n}`))
        if (status === 401) refused += 1
      }
    }
    for (let client = 0; client < 60; client += 1) attempt(client).catch(() => {})
    return () => refused
  }

  test('delay neither a verified client nor one from another network', async () => {
    const { port } = await serve(
      `basic_auth_users: { alice: "${hashSync('right', 10)}", bob: "${hashSync('right', 10)}" }`,
    )
    expect((await ask(port, '/metrics', basic('alice:right'))).status).toBe(200)
    const attacking = new AbortController()
    const refused = attack(port, attacking.signal)
    await until('the attack to be under way', () => refused() > 1)
    const before = refused()
    for (let n = 0; n < 5; n += 1)
      expect((await ask(port, '/metrics', basic('alice:right'))).status).toBe(200)
    expect(refused() - before).toBeLessThan(5)
    const since = refused()
    const elsewhere = { ...basic('bob:right'), localAddress: '127.0.0.2' }
    expect((await ask(port, '/metrics', elsewhere)).status).toBe(200)
    expect(refused() - since).toBeLessThanOrEqual(3)
    attacking.abort()
  })
})

describe('reloading the file', () => {
  test('a change takes effect within seconds; a mistake is reported and leaves the last good state in use', async () => {
    const clock = virtualClock()
    const { port, guard } = await serve('', clock)
    expect((await ask(port, '/metrics')).status).toBe(200)
    write('web.yml', users)
    await clock.pass(5000)
    expect((await ask(port, '/metrics')).status).toBe(401)
    write('web.yml', 'basic_auth_users: [')
    await clock.pass(5000)
    expect((await ask(port, '/metrics')).status).toBe(401)
    expect(guard.failure()?.reason).toMatch(/not YAML/)
    write('web.yml', users)
    await clock.pass(5000)
    expect(guard.failure()).toBeUndefined()
  })

  test('a file that cannot be used at the start is a configuration error', () => {
    expect(() => openGuard({ file: join(folder, 'none.yml'), clock: systemClock, log })).toThrow(
      /WEB_CONFIG_FILE=.*none\.yml: cannot be read \(ENOENT\)/,
    )
  })
})

describe('TLS', () => {
  const pair = selfSigned()
  const tls = (more = '') => {
    write('cert.pem', pair.cert)
    write('key.pem', pair.key)
    return `tls_server_config: { cert_file: cert.pem, key_file: key.pem${more} }`
  }

  function askTls(port: number, path: string, options: RequestOptions = {}): Promise<Response> {
    return new Promise((resolve, reject) => {
      const sent = requestTls(
        { host: 'localhost', port, path, ca: pair.cert, agent: false, ...options },
        (got) => {
          const chunks: Buffer[] = []
          got.on('data', (chunk: Buffer) => chunks.push(chunk))
          got.on('end', () => {
            const body = Buffer.concat(chunks)
            resolve({ status: got.statusCode!, headers: got.headers, body, text: body.toString() })
          })
        },
      )
      sent.on('error', reject)
      sent.end()
    })
  }

  test('answers over TLS, and nothing in plain text', async () => {
    const { port } = await serve(tls())
    expect((await askTls(port, '/metrics')).text).toBe('x 1\n')
    await expect(ask(port, '/metrics')).rejects.toThrow()
  })

  test.each<[string, RequestOptions, RequestOptions]>([
    ['min_version: TLS13', { minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' }],
    ['max_version: TLS12', { maxVersion: 'TLSv1.2' }, { minVersion: 'TLSv1.3' }],
    [
      'max_version: TLS12, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]',
      { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
      { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
    ],
  ])('with %s, a client that supports only others is refused', async (config, taken, refused) => {
    const { port } = await serve(tls(`, ${config}`))
    expect((await askTls(port, '/metrics', taken)).status).toBe(200)
    await expect(askTls(port, '/metrics', refused)).rejects.toThrow(/alert|SSL/)
  })

  test('a new certificate is used without a restart', async () => {
    const clock = virtualClock()
    const { port } = await serve(tls(), clock)
    const next = selfSigned()
    write('cert.pem', next.cert)
    write('key.pem', next.key)
    await clock.pass(5000)
    expect((await askTls(port, '/metrics', { ca: next.cert })).status).toBe(200)
    await expect(askTls(port, '/metrics')).rejects.toThrow(/self-signed certificate/)
  })

  test.each([
    ['a certificate that was replaced before its key', 'cert.pem', selfSigned().cert, /key values mismatch/],
    ['a certificate that is none', 'cert.pem', 'no certificate', /no start line/],
    ['a key that is none', 'key.pem', 'no key', /unsupported/],
  ])(
    '%s is a configuration error, and leaves the last good one in use',
    async (_what, file, text, reason) => {
      const clock = virtualClock()
      const { port, guard } = await serve(tls(), clock)
      write(file, text)
      await clock.pass(5000)
      expect(guard.failure()?.reason).toMatch(reason)
      expect((await askTls(port, '/metrics')).status).toBe(200)
      expect(() => openGuard({ file: join(folder, 'web.yml'), clock, log })).toThrow(ConfigError)
      tls()
      await clock.pass(5000)
      expect(guard.failure()).toBeUndefined()
    },
  )

  test('cipher suites of which none is known are a configuration error', () => {
    const file = write('web.yml', tls(', cipher_suites: [TLS_NONE]'))
    expect(() => openGuard({ file, clock: systemClock, log })).toThrow(/tls_server_config: .*no cipher match/)
  })

  describe('client certificates', () => {
    const mutual = (more = '') => {
      const { key, cert } = clientOf(folder)
      const config = tls(`, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem${more}`)
      return { config, client: { key, cert } }
    }

    test('are required except at open paths', async () => {
      const { config, client } = mutual()
      const { port } = await serve(config)
      expect((await askTls(port, '/metrics')).status).toBe(403)
      expect((await askTls(port, '/-/healthy')).status).toBe(200)
      expect((await askTls(port, '/metrics', client)).status).toBe(200)
    })

    test('of another authority are refused', async () => {
      const { config } = mutual()
      const { port } = await serve(config)
      const answer = await askTls(port, '/metrics', selfSigned())
      expect([answer.status, answer.text]).toEqual([
        403,
        expect.stringMatching(/not signed by an accepted authority/),
      ])
    })

    test('must have an allowed name where names are listed', async () => {
      const { config, client } = mutual(', client_allowed_sans: [prometheus.example.org]')
      const { port } = await serve(config)
      expect((await askTls(port, '/metrics', client)).status).toBe(200)
      const other = await serve(config.replace('prometheus.example', 'other.example'))
      expect((await askTls(other.port, '/metrics', client)).status).toBe(403)
    })
  })
})

/** A client's key and certificate for prometheus.example.org, signed by an authority of its own: ca.pem. */
function clientOf(folder: string): { readonly key: string; readonly cert: string } {
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl(
    'req',
    '-x509',
    ...ec,
    '-subj',
    '/CN=authority',
    '-days',
    '2',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  )
  openssl('req', ...ec, '-subj', '/CN=client', '-keyout', 'client.key', '-out', 'client.csr')
  writeFileSync(join(folder, 'san'), 'subjectAltName=DNS:prometheus.example.org')
  const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'san']
  openssl('x509', '-req', '-in', 'client.csr', ...signing, '-out', 'client.pem')
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  return { key: read('client.key'), cert: read('client.pem') }
}
