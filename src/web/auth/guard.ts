// Applies the web configuration file to each request, before anything else handles it. The file and its certificates are
// read again every few seconds; while they cannot be used, the last good state stays in use and the problem is reported.

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { TlsOptions } from 'node:tls'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../clock.ts'
import { ConfigError } from '../../config/config.ts'
import type { Failure } from '../../errors.ts'
import type { Log } from '../../logging/log.ts'
import type { Stoppable } from '../../model.ts'
import { startLoop } from '../../runtime/loop.ts'
import { type AccessDecision, type AccessRequest, createDecideAccess, type DecideAccess } from './access.ts'
import { createPasswords } from './passwords.ts'
import { tlsOptions } from './tls.ts'
import { parseWebConfig, type WebConfig } from './web-config.ts'

export interface Guard extends Stoppable {
  /** Present if the port uses TLS. */
  readonly tls: TlsOptions | undefined
  /** Calls back when the certificates have changed. */
  onTls(listener: (options: TlsOptions) => void): void
  /** For every response. */
  headers(): Readonly<Record<string, string>>
  /** Undefined: the request may be answered. A promise only for a password that has to be compared. */
  judge(request: AccessRequest, isGone: () => boolean): Refusal | undefined | Promise<Refusal | undefined>
  /** Why the file as it is now is not in use. */
  failure(): Failure | undefined
}

/** A response as text, in place of what was requested. */
export interface Refusal {
  readonly status: number
  readonly reason: string
  readonly headers?: Readonly<Record<string, string>>
}

interface GuardOptions {
  readonly file: string
  readonly clock: Clock
  readonly log: Log
}

/** What follows from one version of the file. */
interface LoadedConfig {
  readonly config: WebConfig
  readonly tls: TlsOptions | undefined
  readonly decide: DecideAccess
  /** Limited apart, so that clients that are not verified cannot use up the rate of those that are. */
  readonly takeVerified: () => boolean
  readonly takeUnverified: () => boolean
}

const reloadIntervalMs = 5000

/** Throws a `ConfigError` if the file cannot be used at the start. */
export function openGuard({ file, clock, log }: GuardOptions): Guard {
  const passwords = createPasswords()
  let current = loadAtStart(file, clock)
  let failure: Failure | undefined
  let onTls: (options: TlsOptions) => void = () => {}

  async function reload(): Promise<void> {
    const before = failure?.reason
    try {
      const next = load(file, clock)
      failure = restartNeeded(current, next)
      if (
        failure ||
        (isDeepStrictEqual(current.config, next.config) && isDeepStrictEqual(current.tls, next.tls))
      )
        return
      current = next
      if (next.tls) onTls(next.tls)
      log.info({ file }, 'the web configuration was reloaded')
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      failure = { code: 'internal', reason: `${file}: ${error.problems.join('; ')}`, hint: staysInUse }
    } finally {
      if (failure && failure.reason !== before) log.error({ file }, failure.reason)
    }
  }
  const loop = startLoop(reload, {
    ...{ clock, intervalMs: reloadIntervalMs },
    onFailure: (error) => log.internal(error, 'timer'),
  })

  function judge(request: AccessRequest, isGone: () => boolean): ReturnType<Guard['judge']> {
    const { config, decide, takeVerified, takeUnverified } = current
    const decision = decide(request)
    if (decision.kind === 'forbidden') return { status: 403, reason: decision.reason }
    if (isVerified(decision, config)) return takeVerified() ? undefined : tooMany
    if (!takeUnverified()) return tooMany
    if (decision.kind === 'allowed') return undefined
    if (decision.kind === 'unauthorized') return challenge(decision.reason)
    return passwords
      .verify(decision, config.users, request.address, isGone)
      .then((result) => loginRefusals[result])
  }

  function isVerified(decision: AccessDecision, { users }: WebConfig): boolean {
    if (decision.kind === 'login') return passwords.isVerified(decision, users)
    return decision.kind === 'allowed' && decision.isVerified
  }

  return {
    tls: current.tls,
    onTls(listener) {
      onTls = listener
    },
    headers: () => current.config.headers,
    judge,
    failure: () => failure,
    async stop() {
      await Promise.all([loop.stop(), passwords.stop()])
    },
  }
}

const tooMany: Refusal = { status: 429, reason: 'too many requests' }
const loginRefusals = {
  right: undefined,
  wrong: challenge('the user or the password is wrong'),
  busy: { status: 503, reason: 'too many passwords are being compared', headers: { 'retry-after': '1' } },
} as const

function challenge(reason: string): Refusal {
  const headers = { 'www-authenticate': 'Basic realm="app-metrics-proxy", charset="UTF-8"' }
  return { status: 401, reason, headers }
}

const staysInUse = 'correct it; until then the last good configuration is in use'

function loadAtStart(file: string, clock: Clock): LoadedConfig {
  try {
    return load(file, clock)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(error.problems.map((problem) => `WEB_CONFIG_FILE=${file}: ${problem}`))
  }
}

function load(file: string, clock: Clock): LoadedConfig {
  const config = parseWebConfig(readText(file), (path) => resolve(dirname(file), path))
  return {
    config,
    tls: config.tls && tlsOptions(config.tls),
    decide: createDecideAccess(config),
    takeVerified: createRateLimit(config.rateLimit, clock),
    takeUnverified: createRateLimit(config.rateLimit, clock),
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError([`cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
}

/** A server cannot switch TLS, or the request for client certificates, while it listens. */
function restartNeeded(before: LoadedConfig, next: LoadedConfig): Failure | undefined {
  if (Boolean(before.tls) === Boolean(next.tls) && before.tls?.requestCert === next.tls?.requestCert)
    return undefined
  const reason = 'the web configuration switches TLS or client certificates on or off'
  return {
    code: 'internal',
    reason,
    hint: 'restart the agent; until then the former configuration is in use',
  }
}

/** A token bucket. The returned function takes a token, and returns whether there was one. */
function createRateLimit(limit: WebConfig['rateLimit'], clock: Clock): () => boolean {
  if (!limit) return () => true
  const { intervalMs, burst } = limit
  let tokens = burst
  let filledAt = clock.now()
  return () => {
    const now = clock.now()
    tokens = Math.min(burst, tokens + (now - filledAt) / intervalMs)
    filledAt = now
    if (tokens < 1) return false
    tokens -= 1
    return true
  }
}
