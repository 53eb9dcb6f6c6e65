// Liveness, readiness, and a report of all that deserves a person's attention: the same problems that the status
// page shows.

import type { FastifyInstance } from 'fastify'
import type { Problem } from '../status/shape.ts'

export interface HealthDeps {
  readonly version: string
  problems(): readonly Problem[]
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
  /** The worst severity among the problems; a notice is none. */
  readonly status: 'ok' | 'warning' | 'error'
  readonly version: string
  readonly ready: boolean
  readonly waitingFor: readonly string[]
  readonly problems: readonly Problem[]
  readonly warnings: readonly string[]
  readonly errors: readonly string[]
}

export function reportOf({ version, problems, waitingFor }: HealthDeps): Report {
  const all = problems()
  const linesOf = (of: Problem['severity']) =>
    all.flatMap(({ severity, about, text }) => (severity === of ? [`${about}: ${text}`] : []))
  const waiting = waitingFor()
  const [errors, warnings] = [linesOf('error'), linesOf('warning')]
  return {
    status: errors.length > 0 ? 'error' : warnings.length > 0 ? 'warning' : 'ok',
    version,
    ready: waiting.length === 0,
    waitingFor: waiting,
    problems: all,
    warnings,
    errors,
  }
}
