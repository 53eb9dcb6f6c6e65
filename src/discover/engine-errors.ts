// Why Docker's API cannot be read, in words for the person who set it up.

import { DeadlineExceeded } from '../clock.ts'
import { ProxyError } from '../errors.ts'

/** Only a change of the setup fixes it. At the start the agent ends with it; later it is shown, and retried. */
export class SetupError extends ProxyError {}

interface ApiRequest {
  readonly host: string
  readonly path: string
  readonly signal: AbortSignal
}

/** Turns any failure of a request into the one type of error. */
export function engineError(cause: unknown, { host, path, signal }: ApiRequest): ProxyError {
  const api = `Docker’s API at ${host}`
  const { code, statusCode } = cause as { code?: string; statusCode?: number }
  if (signal.reason instanceof DeadlineExceeded)
    return new ProxyError('not_ready', `${api}: ${signal.reason.message} to GET ${path}`, { cause })
  if (statusCode !== undefined) return statusError(statusCode, api, path, cause)
  const known = code === undefined ? undefined : systemErrors.get(code)
  if (!known) return new ProxyError('not_ready', `${api}: no complete response to GET ${path}`, { cause })
  const [ErrorType, reason, hint] = known
  return new ErrorType('not_ready', `${api}: ${reason}`, { hint, cause })
}

const mountSocket = 'mount the socket (/var/run/docker.sock) into the container, or set DOCKER_HOST'
const grantAccess = 'run the agent as uid 0 or in the socket’s group, or reach Docker through a socket proxy'
const checkHost = 'check that Docker, or the socket proxy, is running, and that DOCKER_HOST names it'

type SystemError = readonly [typeof ProxyError, reason: string, hint: string]
const systemErrors: ReadonlyMap<string, SystemError> = new Map(
  Object.entries<SystemError>({
    ENOENT: [ProxyError, 'there is no such socket', mountSocket],
    EACCES: [SetupError, 'the agent may not open the socket', grantAccess],
    EPERM: [SetupError, 'the agent may not open the socket', grantAccess],
    ECONNREFUSED: [ProxyError, 'nothing listens there', checkHost],
    ENOTFOUND: [ProxyError, 'the host name is unknown', checkHost],
    EAI_AGAIN: [ProxyError, 'the host name cannot be resolved', checkHost],
    EHOSTUNREACH: [ProxyError, 'no route to that host', checkHost],
    ENETUNREACH: [ProxyError, 'no route to that network', checkHost],
  }),
)

/** A socket proxy answers 403 to what it was not configured to allow; some answer 405 or 501. */
function statusError(status: number, api: string, path: string, cause: unknown): ProxyError {
  const reason = `${api} answers GET ${path} with HTTP ${status}`
  if (![401, 403, 405, 501].includes(status)) return new ProxyError('not_ready', reason, { cause })
  const hint =
    'let the socket proxy allow GET for containers, events, info and networks, and on managers for services, tasks and nodes'
  return new SetupError('not_ready', reason, { hint, cause })
}
