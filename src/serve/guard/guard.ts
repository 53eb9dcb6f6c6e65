// Stands before all routes and lets in whom the web configuration file allows. The file and its certificates
// are read again when they change; what can't be read leaves the last good state standing, and is told.

import { readFileSync } from 'node:fs'
import { Server as HttpsServer } from 'node:https'
import { dirname, resolve } from 'node:path'
import type { TLSSocket, TlsOptions } from 'node:tls'
import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../clock.ts'
import { ConfigError } from '../../config.ts'
import type { Trouble } from '../../errors.ts'
import { startLoop } from '../../loop.ts'
import type { Part } from '../../model.ts'
import type { Log } from '../../telemetry.ts'
import { type Asker, createDecide, type Decide } from './access.ts'
import { createCheckPassword } from './passwords.ts'
import { createRateLimit } from './rate.ts'
import { tlsOptions } from './tls.ts'
import { parseWebConfig, type WebConfig, WebConfigError } from './web-config.ts'

export interface Guard extends Part {
  /** Present where the port speaks TLS. */
  readonly tls: TlsOptions | undefined
  /** Puts the guard before all routes that are added later. */
  plugin(server: FastifyInstance): void
  /** Why what the file says now is not what counts. */
  trouble(): Trouble | undefined
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
  readonly mayPass: () => boolean
}

const rereadEvery = 5000

/** Throws a `ConfigError` where the file can't be used from the start. */
export function openGuard({ file, clock, log }: Options): Guard {
  const checkPassword = createCheckPassword()
  let rules = firstRules(file, clock)
  let trouble: Trouble | undefined
  let onTls: (options: TlsOptions) => void = () => {}

  function reread(): void {
    const before = trouble?.reason
    try {
      const next = readRules(file, clock)
      trouble = needsRestart(rules, next)
      if (trouble || isSame(rules, next)) return
      rules = next
      if (next.tls) onTls(next.tls)
      log.info({ file }, 'the web configuration has been read again')
    } catch (error) {
      if (!(error instanceof WebConfigError)) throw error
      trouble = { code: 'internal', reason: `${file}: ${error.problems.join('; ')}`, mend: lastStands }
    } finally {
      if (trouble && trouble.reason !== before) log.error({ file }, trouble.reason)
    }
  }
  const loop = startLoop(async () => reread(), { clock, every: rereadEvery })

  async function guard(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const { config, decide, mayPass } = rules
    reply.headers(config.headers)
    if (!mayPass()) return refuse(reply, 429, 'too many requests')
    const verdict = decide(askerOf(request))
    if (verdict === 'allowed') return undefined
    if ('refused' in verdict) return refuse(reply, 403, verdict.refused)
    if ('unauthorized' in verdict) return challenge(reply, verdict.unauthorized)
    const right = await checkPassword(verdict.user, verdict.password, config.users)
    return right ? undefined : challenge(reply, 'the user or the password is wrong')
  }

  return {
    tls: rules.tls,
    plugin(server) {
      const { server: listener } = server
      if (listener instanceof HttpsServer) onTls = (options) => listener.setSecureContext(options)
      server.addHook('onRequest', guard)
    },
    trouble: () => trouble,
    stop: loop.stop,
  }
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
    mayPass: config.rateLimit ? createRateLimit(clock, config.rateLimit) : () => true,
  }
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
  return { code: 'internal', reason, mend: 'restart the agent; until then the former configuration counts' }
}

function askerOf(request: FastifyRequest): Asker {
  const { url, socket } = request.raw
  const end = url?.indexOf('?') ?? -1
  return {
    address: socket.remoteAddress ?? '',
    path: end < 0 ? (url ?? '') : url!.slice(0, end),
    authorization: request.headers.authorization,
    certificate: certificateOf(socket as TLSSocket),
  }
}

function certificateOf(socket: TLSSocket): Asker['certificate'] {
  const certificate = socket.encrypted ? socket.getPeerCertificate() : undefined
  return {
    given: certificate?.raw !== undefined,
    verified: socket.authorized === true,
    sans: certificate?.subjectaltname ?? '',
  }
}

function challenge(reply: FastifyReply, reason: string): FastifyReply {
  return refuse(
    reply.header('www-authenticate', 'Basic realm="app-metrics-proxy", charset="UTF-8"'),
    401,
    reason,
  )
}

function refuse(reply: FastifyReply, status: 401 | 403 | 429, reason: string): FastifyReply {
  return reply.code(status).header('content-type', 'text/plain; charset=utf-8').send(`${reason}\n`)
}
