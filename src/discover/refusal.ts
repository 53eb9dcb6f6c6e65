// Why Docker can't be asked, in words for the person who set it up.

import { DeadlineExceeded } from '../clock.ts'
import { ProxyError } from '../errors.ts'

/** What waiting doesn't fix. At the start the agent ends with it; later it is shown, and tried again. */
export class LastingError extends ProxyError {}

interface Asked {
  readonly host: string
  readonly path: string
  readonly signal: AbortSignal
}

/** Any failure of a call as the one type of error. */
export function refusalOf(cause: unknown, { host, path, signal }: Asked): ProxyError {
  const asked = `Docker’s API at ${host}`
  const { code, statusCode } = cause as { code?: string; statusCode?: number }
  if (signal.reason instanceof DeadlineExceeded)
    return new ProxyError('not_ready', `${asked}: ${signal.reason.message} to GET ${path}`, { cause })
  if (statusCode !== undefined) return statusRefusal(statusCode, asked, path, cause)
  const known = code === undefined ? undefined : refusals.get(code)
  if (!known) return new ProxyError('not_ready', `${asked}: no whole answer to GET ${path}`, { cause })
  const [Kind, reason, hint] = known
  return new Kind('not_ready', `${asked}: ${reason}`, { hint, cause })
}

const mount = 'mount the socket (/var/run/docker.sock) into the container, or set DOCKER_HOST'
const rights = 'run the agent as uid 0 or in the socket’s group, or reach Docker through a socket proxy'
const running = 'see that Docker, or the socket proxy, is running, and that DOCKER_HOST names it'

type Known = readonly [typeof ProxyError, string, string]
const refusals: ReadonlyMap<string, Known> = new Map(
  Object.entries<Known>({
    ENOENT: [ProxyError, 'there is no such socket', mount],
    EACCES: [LastingError, 'the agent may not open the socket', rights],
    EPERM: [LastingError, 'the agent may not open the socket', rights],
    ECONNREFUSED: [ProxyError, 'nothing listens there', running],
    ENOTFOUND: [ProxyError, 'the name is unknown', running],
    EAI_AGAIN: [ProxyError, 'the name cannot be looked up', running],
    EHOSTUNREACH: [ProxyError, 'there is no way to that host', running],
    ENETUNREACH: [ProxyError, 'there is no way to that network', running],
  }),
)

/** A socket proxy says 403 to what it wasn't told to allow; some say 405 or 501. */
function statusRefusal(status: number, asked: string, path: string, cause: unknown): ProxyError {
  const reason = `${asked} answers GET ${path} with HTTP ${status}`
  if (![401, 403, 405, 501].includes(status)) return new ProxyError('not_ready', reason, { cause })
  const hint =
    'let the socket proxy allow GET for containers, events, info and networks, and on managers for services, tasks and nodes'
  return new LastingError('not_ready', reason, { hint, cause })
}
