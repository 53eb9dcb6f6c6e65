// Liveness, readiness, and a report of all that deserves a person's attention.

import type { FastifyInstance } from 'fastify'

export type Verdict =
  | { readonly status: 'ok'; readonly message?: string }
  | { readonly status: 'warning' | 'error'; readonly message: string; readonly mend?: string }

/** One thing that can be well or not. Looked at when asked, so it must be quick. */
export interface Check {
  readonly name: string
  look(): Verdict
}

export interface HealthDeps {
  readonly version: string
  readonly checks: readonly Check[]
  /** What stands beside the checks: doubtful settings, labels that aren't understood. */
  warnings(): readonly string[]
  /** What is not yet in before answers are complete. Nothing: ready. */
  waitingFor(): readonly string[]
}

const text = 'text/plain; charset=utf-8'

export function serveHealth(server: FastifyInstance, deps: HealthDeps): void {
  server.get('/-/healthy', (_request, reply) => reply.type(text).send('healthy\n'))

  server.get('/-/ready', (_request, reply) => {
    const waiting = deps.waitingFor()
    if (waiting.length === 0) return reply.type(text).send('ready\n')
    return reply
      .code(503)
      .type(text)
      .send(`not ready yet: waiting for ${waiting.join(', ')}\n`)
  })

  server.get('/health', (_request, reply) => reply.header('cache-control', 'no-store').send(reportOf(deps)))
}

interface Report {
  readonly status: Verdict['status']
  readonly version: string
  readonly ready: boolean
  readonly waitingFor: readonly string[]
  readonly checks: readonly (Verdict & { readonly name: string })[]
  readonly warnings: readonly string[]
  readonly errors: readonly string[]
}

export function reportOf({ version, checks, warnings, waitingFor }: HealthDeps): Report {
  const looked = checks.map((check) => ({ name: check.name, ...check.look() }))
  const say = (status: Verdict['status']) =>
    looked.flatMap((one) => (one.status === status ? [`${one.name}: ${one.message}`] : []))
  const waiting = waitingFor()
  const [errors, allWarnings] = [say('error'), [...say('warning'), ...warnings()]]
  return {
    status: errors.length > 0 ? 'error' : allWarnings.length > 0 ? 'warning' : 'ok',
    version,
    ready: waiting.length === 0,
    waitingFor: waiting,
    checks: looked,
    warnings: allWarnings,
    errors,
  }
}
