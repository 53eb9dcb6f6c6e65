// Judges each request by the web configuration file, before anything else sees it. The file and its certificates
// are read again when they change; what can't be read leaves the last good state standing, and is told.

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { TlsOptions } from 'node:tls'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../clock.ts'
import { ConfigError } from '../../config/config.ts'
import type { Trouble } from '../../errors.ts'
import type { Log } from '../../logging/log.ts'
import type { Stoppable } from '../../model.ts'
import { startLoop } from '../../runtime/loop.ts'
import { type Client, createDecide, type Decide, type Verdict } from './access.ts'
import { createPasswords } from './passwords.ts'
import { createRateLimit } from './rate.ts'
import { tlsOptions } from './tls.ts'
import { parseWebConfig, type WebConfig, WebConfigError } from './web-config.ts'

export interface Guard extends Stoppable {
  /** Present where the port speaks TLS. */
  readonly tls: TlsOptions | undefined
  /** Calls back whenever there are new certificates. */
  onTls(take: (options: TlsOptions) => void): void
  /** For every response. */
  headers(): Readonly<Record<string, string>>
  /** Undefined: the request may be answered. `isGone`: nobody waits for the verdict any more. */
  judge(client: Client, isGone: () => boolean): Refusal | undefined | Promise<Refusal | undefined>
  /** Why what the file says now is not what counts. */
  trouble(): Trouble | undefined
}

export interface Refusal {
  readonly status: 401 | 403 | 429 | 503
  readonly reason: string
  readonly headers?: Readonly<Record<string, string>>
}

interface Options {
  readonly file: string
  readonly clock: Clock
  readonly log: Log
}

/** All that follows from one reading of the file. */
interface Rules {
  readonly config: WebConfig
  readonly tls: TlsOptions | undefined
  readonly decide: Decide
  /**
   * Two buckets of the same size: those who haven't proved who they are can't use up what the others may ask.
   */
  readonly takeVerified: () => boolean
  readonly takeUnverified: () => boolean
}

const rereadEvery = 5000

/** Throws a `ConfigError` where the file can't be used from the start. */
export function openGuard({ file, clock, log }: Options): Guard {
  const passwords = createPasswords(clock)
  let rules = firstRules(file, clock)
  let trouble: Trouble | undefined
  let takeTls: (options: TlsOptions) => void = () => {}

  function reread(): void {
    const before = trouble?.reason
    try {
      const next = readRules(file, clock)
      trouble = needsRestart(rules, next)
      if (trouble || isSame(rules, next)) return
      rules = next
      if (next.tls) takeTls(next.tls)
      log.info({ file }, 'the web configuration has been read again')
    } catch (error) {
      if (!(error instanceof WebConfigError)) throw error
      trouble = { code: 'internal', reason: `${file}: ${error.problems.join('; ')}`, hint: lastStands }
    } finally {
      if (trouble && trouble.reason !== before) log.error({ file }, trouble.reason)
    }
  }
  const loop = startLoop(async () => reread(), {
    ...{ clock, every: rereadEvery },
    onFailure: (error) => log.internal(error, 'timer'),
  })

  function judge(client: Client, isGone: () => boolean): ReturnType<Guard['judge']> {
    const { config, decide, takeVerified, takeUnverified } = rules
    const verdict = decide(client)
    if (verdict.kind === 'refused') return { status: 403, reason: verdict.reason }
    if (isVerified(verdict, config)) return takeVerified() ? undefined : tooMany
    if (!takeUnverified()) return tooMany
    if (verdict.kind === 'allowed') return undefined
    if (verdict.kind === 'unauthorized') return challenge(verdict.reason)
    return passwords
      .verify(verdict, config.users, client.address, isGone)
      .then((outcome) => refusals[outcome])
  }

  function isVerified(verdict: Verdict, { users }: WebConfig): boolean {
    if (verdict.kind === 'login') return passwords.isVerified(verdict, users)
    return verdict.kind === 'allowed' && verdict.verified
  }

  return {
    tls: rules.tls,
    onTls(take) {
      takeTls = take
    },
    headers: () => rules.config.headers,
    judge,
    trouble: () => trouble,
    async stop() {
      await Promise.all([loop.stop(), passwords.stop()])
    },
  }
}

const tooMany: Refusal = { status: 429, reason: 'too many requests' }
const refusals = {
  right: undefined,
  wrong: challenge('the user or the password is wrong'),
  busy: {
    status: 503,
    reason: 'too many passwords are being compared',
    headers: { 'retry-after': '1' },
  },
} as const

function challenge(reason: string): Refusal {
  const headers = { 'www-authenticate': 'Basic realm="app-metrics-proxy", charset="UTF-8"' }
  return { status: 401, reason, headers }
}

const lastStands = 'what it said before still counts; correct it'

function firstRules(file: string, clock: Clock): Rules {
  try {
    return readRules(file, clock)
  } catch (error) {
    if (!(error instanceof WebConfigError)) throw error
    throw new ConfigError(error.problems.map((problem) => `WEB_CONFIG_FILE=${file}: ${problem}`))
  }
}

function readRules(file: string, clock: Clock): Rules {
  const config = parseWebConfig(readText(file), (path) => resolve(dirname(file), path))
  return {
    config,
    tls: config.tls && tlsOptions(config.tls),
    decide: createDecide(config),
    takeVerified: rateOf(config, clock),
    takeUnverified: rateOf(config, clock),
  }
}

function rateOf({ rateLimit }: WebConfig, clock: Clock): () => boolean {
  return rateLimit ? createRateLimit(clock, rateLimit) : () => true
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new WebConfigError([`cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
}

function isSame(a: Rules, b: Rules): boolean {
  return isDeepStrictEqual(a.config, b.config) && isDeepStrictEqual(a.tls, b.tls)
}

/** A server that listens can't begin or cease to speak TLS, nor to ask for certificates. */
function needsRestart(before: Rules, next: Rules): Trouble | undefined {
  if (Boolean(before.tls) === Boolean(next.tls) && before.tls?.requestCert === next.tls?.requestCert)
    return undefined
  const reason = 'the web configuration switches TLS or client certificates on or off'
  return { code: 'internal', reason, hint: 'restart the agent; until then the former configuration counts' }
}
