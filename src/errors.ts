// Everything that can go wrong, as one closed list of codes with their HTTP statuses.

/** The target itself failed: reported at once, never hidden by the cache. */
const targetStatusByCode = {
  connection_refused: 502,
  reset: 502,
  unreachable: 502,
  invalid: 502,
  too_large: 502,
  http_status: 502,
  redirect: 502,
  tls: 502,
  protocol: 502,
  timeout: 504,
} as const

/** Each code is also the `reason` label of our own metrics: keep it short and stable. */
export const httpStatusByCode = {
  ...targetStatusByCode,
  // the target isn't scraped
  disabled: 404,
  no_address: 502,
  no_metrics: 404,
  searching: 503,
  stopped: 502,
  paused: 502,
  // the owner can't be reached, and the cache is too old
  owner_lost: 502,
  // the link between two agents
  link_ended: 502,
  unproven: 502,
  // the request is wrong
  bad_request: 400,
  not_found: 404,
  ambiguous: 409,
  // the agent itself
  overloaded: 503,
  not_ready: 503,
  stopping: 503,
  internal: 500,
} as const

export type Code = keyof typeof httpStatusByCode

/** A failure as data: what happened, and how to fix it. Safe to serve. */
export interface Failure {
  readonly code: Code
  readonly reason: string
  readonly hint?: string
}

interface ErrorOptions {
  readonly hint?: string | undefined
  readonly cause?: unknown
  /** It was reported before, here or by another agent. */
  readonly isKnown?: boolean
}

/** A failure as an exception. `cause` holds the internals: logged, never served. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
  readonly code: Code
  readonly hint: string | undefined
  readonly isKnown: boolean

  constructor(code: Code, reason: string, options: ErrorOptions = {}) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.isKnown = options.isKnown ?? false
  }
}

/** Of a container that does not run any more. */
export function stoppedFailure(exitCode: number | undefined, isRemoved = false): Failure {
  const withCode = exitCode === undefined ? '' : ` with exit code ${exitCode}`
  return { code: 'stopped', reason: `the container ${isRemoved ? 'was removed' : `has stopped${withCode}`}` }
}

/** A failure that was reported before, as an exception. */
export function errorOf({ code, reason, hint }: Failure): ProxyError {
  return new ProxyError(code, reason, { hint, isKnown: true })
}

/** Whether the target failed, and not the agent that scraped it. */
export function isTargetFailure({ code }: Failure): boolean {
  return code in targetStatusByCode
}

/** Whether this is a bug of this agent, to be reported by `Log.internal` where it is caught. */
export function isInternal(error: unknown): boolean {
  return !(error instanceof ProxyError) || (error.code === 'internal' && !error.isKnown)
}

/** Any thrown value as a failure. Exceptions of others become `internal`, without their text. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof ProxyError)) return { code: 'internal', reason: 'internal error' }
  const { code, message: reason, hint } = error
  return hint === undefined ? { code, reason } : { code, reason, hint }
}
