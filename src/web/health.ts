// Liveness, readiness, and a report of the problems that the status page shows.

import type { FastifyInstance } from 'fastify'
import type { Problem } from '../status/shape.ts'

interface HealthDeps {
  readonly version: string
  problems(): readonly Problem[]
  /** What is missing before answers are complete. Empty: ready. */
  pendingForReady(): readonly string[]
}

const text = 'text/plain; charset=utf-8'

export function serveHealth(server: FastifyInstance, deps: HealthDeps): void {
  server.get('/-/healthy', (_request, reply) => reply.type(text).send('healthy\n'))

  server.get('/-/ready', (_request, reply) => {
    const pending = deps.pendingForReady()
    if (pending.length === 0) return reply.type(text).send('ready\n')
    return reply
      .code(503)
      .type(text)
      .send(`not ready yet: waiting for ${pending.join(', ')}\n`)
  })

  server.get('/health', (_request, reply) =>
    reply.header('cache-control', 'no-store').send(healthReportOf(deps)),
  )
}

/** With the worst severity of the problems; notices do not count. */
export function healthReportOf(deps: HealthDeps) {
  const problems = deps.problems()
  const pending = deps.pendingForReady()
  const has = (severity: Problem['severity']) => problems.some((problem) => problem.severity === severity)
  return {
    status: has('error') ? 'error' : has('warning') ? 'warning' : 'ok',
    version: deps.version,
    ready: pending.length === 0,
    pending,
    problems,
  }
}
