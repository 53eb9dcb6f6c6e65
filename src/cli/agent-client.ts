// HTTP requests of a command to an agent.

import { unquote } from '../config/values.ts'
import { redact, splitCredentials } from '../http/credentials.ts'
import { type Io, UsageError } from './command.ts'

/** `host:port` or a URL, which may contain user and password. Default: the agent on this machine. */
export function agentUrl(address: string | undefined, { env }: Io): URL {
  const text = address ?? `127.0.0.1:${unquote(env.LISTEN_PORT ?? '') || 2137}`
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError(`${JSON.stringify(redact(text))} is not the address of an agent`)
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

const timeoutMs = 15_000

/** GET below the agent's URL. Rejects with a message for users. */
export async function requestAgent(
  agent: URL,
  path: string,
  accept: string,
  signal: AbortSignal,
): Promise<Response> {
  const { url, authorization } = splitCredentials(new URL(path, agent))
  const headers = new Headers({ accept, ...(authorization !== undefined && { authorization }) })
  try {
    return await fetch(url, { headers, signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) })
  } catch (error) {
    throw new Error(`no agent answers at ${url.origin}: ${fetchFailure(error)}`, { cause: error })
  }
}

/** Why `fetch` failed: its own message is always the same. */
export function fetchFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause, message } = error
  if (!(cause instanceof Error)) return message
  return cause.message || (cause as NodeJS.ErrnoException).code || message
}
